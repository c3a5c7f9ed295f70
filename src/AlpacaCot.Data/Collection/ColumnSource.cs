using AlpacaCot.Data.Conversations;
using AlpacaCot.Data.Formats;

namespace AlpacaCot.Data.Collection;

/// <summary>A set that a user describes without code: a format that is recognised, or fields under their own names.</summary>
/// <param name="entry">What the user says of the set.</param>
/// <param name="columns">
/// Which field is the <c>instruction</c>, the <c>output</c> and, where there are such, the <c>input</c> and the <c>system</c>
/// text; empty to have the format recognised.
/// </param>
/// <param name="path">Where the data is, if the user says so.</param>
public sealed class ColumnSource(CatalogueEntry entry, IReadOnlyDictionary<string, string> columns, string? path = null)
    : IInstructionSource
{
    /// <summary>The names a column can have in the unified form.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["instruction", "input", "output", "system"];

    /// <inheritdoc/>
    public CatalogueEntry Entry => entry;

    /// <summary>Where the data is, if the user said so.</summary>
    public string? Path => path;

    /// <inheritdoc/>
    public IEnumerable<Conversation> Convert(string path, ConvertOptions options) => columns.Count == 0
        ? RawFiles.In(path).SelectMany(file => InstructionFile.Read(file, options.Reading))
        : new RecordSource(entry, Map, ownInstructions: true).Convert(path, options);

    private Conversation Map(RawFields fields)
    {
        var (instruction, output) = (fields.Text(Column("instruction")), fields.Text(Column("output")));
        var input = columns.TryGetValue("input", out var inputs) ? fields.TextOrEmpty(inputs) : "";
        var conversation = columns.TryGetValue("system", out var system) && fields.TextOrEmpty(system) is { Length: > 0 } standing
            ? fields.Conversation(new Turn(Role.System, standing), new Turn(Role.User, instruction, input),
                new Turn(Role.Assistant, output))
            : fields.Instruction(instruction, input, output);
        return conversation;
    }

    private string Column(string name) => columns.GetValueOrDefault(name, name);
}
