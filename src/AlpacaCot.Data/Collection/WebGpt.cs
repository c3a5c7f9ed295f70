using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>WebGPT comparisons: two answers to a question, each with a preference score.</summary>
internal static class WebGpt
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("webgpt", "webGPT", 18_994)
        {
            Aliases = ["webgpt-comparisons", "openai/webgpt_comparisons"], Original = true,
            Published = "openai/webgpt_comparisons", Copy = "QingyiSi/Alpaca-CoT", Files = ["webGPT/*"],
            RawFormat = "JSON lines of question (full_text), answer_0, score_0, answer_1, score_1, quotes_0, ...",
            Languages = SetLanguages.EN, Tasks = SetTasks.TS, Generation = SetGeneration.MIX,
            Type = "long answers with sources from the web", Tags = ["qa", "preference"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var question = fields.Element("question") is { ValueKind: JsonValueKind.Object } parts
            && parts.TryGetProperty("full_text", out var full) ? fields.AsText(full, "full_text") : fields.Text("question");
        var answers = new[] { fields.Text("answer_0"), fields.Text("answer_1") };
        var (first, second) = (Score(fields, "score_0"), Score(fields, "score_1"));
        var better = second > first ? 1 : 0;
        return fields.Instruction(question, "", answers[better]) with { Rejected = first == second ? null : answers[1 - better] };
    }

    private static double Score(RawFields fields, string name) =>
        fields.Element(name) is { ValueKind: JsonValueKind.Number } score
        ? score.GetDouble() : throw fields.Bad($"\"{name}\" is missing or not a number");
}
