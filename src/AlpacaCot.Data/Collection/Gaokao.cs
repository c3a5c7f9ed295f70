using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>GAOKAO: questions of the Chinese college entrance examination.</summary>
internal static class Gaokao
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("gaokao", "GAOKAO", 2_785)
        {
            Aliases = ["gaokao-bench"], Original = true, Published = "https://github.com/OpenLMLab/GAOKAO-Bench",
            Files = ["Data/*.json"],
            RawFormat = "JSON object of keywords, example: a list of question, answer, analysis, year, category",
            Licence = "Apache-2.0",
            Languages = SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "multiple choice, gaps and open questions of examinations", Tags = ["exam", "qa"],
        }, Convert),
    ];

    private static IEnumerable<Conversation> Convert(RawFields fields) => fields.Has("example")
        ? fields.Items("example").Select((question, i) => One(new RawFields(
            fields.Record with { Value = question, Number = i + 1 }, fields.Options)))
        : [One(fields)];

    private static Conversation One(RawFields fields)
    {
        // An answer is a text, or a list with one letter per sub-question.
        var answer = fields.Element("answer") is { ValueKind: JsonValueKind.Array } letters
            ? string.Join(", ", letters.EnumerateArray().Select(letter => fields.AsText(letter, "answer")))
            : fields.Text("answer");
        var analysis = fields.TextOrEmpty("analysis").Trim();
        return fields.Instruction(fields.Text("question").Trim(), "", analysis.Length > 0 ? $"{analysis}\n答案：{answer}" : answer);
    }
}
