using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>A set whose records become conversations one by one. A record in the unified form is taken as it is.</summary>
/// <param name="entry">What is known of the set.</param>
/// <param name="convert">The conversations of a record; none where it has nothing to learn from.</param>
/// <param name="ownInstructions">
/// Whether <c>instruction</c> and <c>output</c> are fields of the raw form, which <paramref name="convert"/> reads.
/// </param>
/// <param name="wholeFiles">Whether a file is one record that holds many, and so may be large.</param>
internal sealed class RecordSource(CatalogueEntry entry, Func<RawFields, IEnumerable<Conversation>> convert,
    bool ownInstructions = false, bool wholeFiles = false) : IInstructionSource
{
    public RecordSource(CatalogueEntry entry, Func<RawFields, Conversation> convert, bool ownInstructions = false)
        : this(entry, fields => [convert(fields)], ownInstructions) { }

    private const int LargestFile = 1 << 30;   // bytes

    public CatalogueEntry Entry => entry;

    /// <summary>A set that is published in the unified form.</summary>
    public static RecordSource Unified(CatalogueEntry entry) => new(entry, FromUnified, ownInstructions: true);

    /// <summary>A set of questions and answers under other names.</summary>
    public static RecordSource Pairs(CatalogueEntry entry, string instruction, string output, string input = "") =>
        new(entry, fields => fields.Instruction(
            fields.Text(instruction), input.Length > 0 ? fields.TextOrEmpty(input) : "", fields.Text(output)));

    /// <summary>A record in the unified form: <c>instruction</c>, <c>input</c>, <c>output</c>.</summary>
    public static Conversation FromUnified(RawFields fields) =>
        fields.Instruction(fields.Text("instruction"), fields.TextOrEmpty("input"), fields.Text("output"));

    public IEnumerable<Conversation> Convert(string path, ConvertOptions options)
    {
        foreach (var record in RawFiles.Records(path,
            wholeFiles ? options.Reading with { LargestRecord = LargestFile } : options.Reading))
        {
            IReadOnlyList<Conversation> conversations;
            try
            {
                var fields = new RawFields(record, options);
                conversations = !ownInstructions && IsUnified(fields) ? [FromUnified(fields)] : [.. convert(fields)];
            }
            catch (InputException bad) when (options.Reading.SkipBad)
            {
                options.Reading.OnBadRecord?.Invoke(bad.Message);
                continue;
            }
            if (conversations.Count == 0) options.OnLeftOut?.Invoke(record.Origin);
            foreach (var conversation in conversations) yield return conversation;
        }
    }

    private static bool IsUnified(RawFields fields) =>
        fields.Record.Value.ValueKind == JsonValueKind.Object && fields.Has("instruction") && fields.Has("output");
}
