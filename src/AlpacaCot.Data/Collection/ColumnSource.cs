using AlpacaCot.Data.Formats;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>A data set declared in a user's catalogue: a known record format, optionally with renamed fields.</summary>
/// <param name="entry">Metadata from the catalogue.</param>
/// <param name="columns">Maps standard field names to the data set's names; see <see cref="ReadOptions.Columns"/>.</param>
/// <param name="path">Path of the data from the catalogue, or null.</param>
public sealed class ColumnSource(CatalogueEntry entry, IReadOnlyDictionary<string, string> columns, string? path = null)
    : IInstructionSource
{
    /// <inheritdoc/>
    public CatalogueEntry Entry => entry;

    /// <summary>Path of the data from the catalogue, or null.</summary>
    public string? Path => path;

    /// <inheritdoc/>
    public IEnumerable<Conversation> Convert(string path, ConvertOptions options) => DataFiles.Read(path,
        options.Reading.Columns.Count > 0 ? options.Reading : options.Reading with { Columns = columns });
}
