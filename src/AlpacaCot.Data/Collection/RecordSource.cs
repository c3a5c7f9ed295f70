using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>A data set converted record by record. Records in the unified form are read as they are.</summary>
/// <param name="entry">Metadata of the data set.</param>
/// <param name="convert">Converts one record; returns nothing for a record without training content.</param>
/// <param name="ownInstructions">
/// Whether <c>instruction</c> and <c>output</c> are fields of the published form and read by <paramref name="convert"/>.
/// </param>
/// <param name="wholeFiles">Whether each file is one JSON value with many records, read into memory as a whole.</param>
internal sealed class RecordSource(CatalogueEntry entry, Func<RawFields, IEnumerable<Conversation>> convert,
    bool ownInstructions = false, bool wholeFiles = false) : IInstructionSource
{
    public RecordSource(CatalogueEntry entry, Func<RawFields, Conversation> convert, bool ownInstructions = false)
        : this(entry, fields => [convert(fields)], ownInstructions) { }

    private const int LargestFile = 1 << 30;   // bytes

    public CatalogueEntry Entry => entry;

    /// <summary>Source for a data set published in the unified form.</summary>
    public static RecordSource Unified(CatalogueEntry entry) => new(entry, FromUnified, ownInstructions: true);

    /// <summary>Source for question-answer pairs with other field names.</summary>
    public static RecordSource Pairs(CatalogueEntry entry, string instruction, string output, string input = "") =>
        new(entry, fields => fields.Instruction(
            fields.Text(instruction), input.Length > 0 ? fields.TextOrEmpty(input) : "", fields.Text(output)));

    /// <summary>Converts a record in the unified form: <c>instruction</c>, <c>input</c>, <c>output</c>.</summary>
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
            catch (Exception bad) when (bad is InputException || InputBoundary.IsOfContent(bad))
            {
                var message = bad is InputException ? bad.Message
                    : $"{record.Origin}: it has an unexpected form: {InputBoundary.Reason(bad)}";
                if (!options.Reading.SkipBad) throw bad is InputException ? bad : new InputException(message, bad);
                options.Reading.OnBadRecord?.Invoke(message);
                continue;
            }
            if (conversations.Count == 0) options.OnLeftOut?.Invoke(record.Origin);
            foreach (var conversation in conversations) yield return conversation;
        }
    }

    private static bool IsUnified(RawFields fields) =>
        fields.Record.Value.ValueKind == JsonValueKind.Object && fields.Has("instruction") && fields.Has("output");
}
