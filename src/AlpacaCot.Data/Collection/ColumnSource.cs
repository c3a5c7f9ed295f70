using AlpacaCot.Data.Formats;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>A set that a user describes without code: a format that is recognised, or fields under their own names.</summary>
/// <param name="entry">What the user says of the set.</param>
/// <param name="columns">The set's own names of fields, as in <see cref="ReadOptions.Columns"/>.</param>
/// <param name="path">Where the data is, if the user says so.</param>
public sealed class ColumnSource(CatalogueEntry entry, IReadOnlyDictionary<string, string> columns, string? path = null)
    : IInstructionSource
{
    /// <inheritdoc/>
    public CatalogueEntry Entry => entry;

    /// <summary>Where the data is, if the user said so.</summary>
    public string? Path => path;

    /// <inheritdoc/>
    public IEnumerable<Conversation> Convert(string path, ConvertOptions options) => RawFiles.In(path)
        .SelectMany(file => InstructionFile.Read(file, options.Reading with { Columns = columns }));
}
