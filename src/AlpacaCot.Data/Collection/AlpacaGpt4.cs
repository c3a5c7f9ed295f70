using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>GPT-4-LLM: Alpaca's instructions answered by GPT-4 in English and Chinese, and comparisons of answers.</summary>
internal static class AlpacaGpt4
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("alpaca-gpt4", "Alpaca_GPT4", 52_002)
        {
            Aliases = ["gpt-4-llm", "gpt4-llm", "alpaca_gpt4_data", "gpt-4-llm-en"], Original = true,
            Published = "https://github.com/Instruction-Tuning-with-GPT-4/GPT-4-LLM",
            Files = ["data/alpaca_gpt4_data.json"],
            RawFormat = "JSON array of instruction, input, output; comparisons: user_input, responses_and_scores",
            Licence = "CC BY-NC 4.0, research only",
            Languages = SetLanguages.EN | SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "general instructions answered by GPT-4", Tags = ["general", "gpt-4"],
        }, Convert, ownInstructions: true),
        new RecordSource(new("alpaca-gpt4-zh", "Alpaca_GPT4, Chinese", 48_818)
        {
            Aliases = ["gpt-4-llm-zh", "alpaca_gpt4_data_zh"], PartOf = "alpaca-gpt4",
            Published = "https://github.com/Instruction-Tuning-with-GPT-4/GPT-4-LLM",
            Files = ["data/alpaca_gpt4_data_zh.json"],
            RawFormat = "JSON array of instruction, input, output", Licence = "CC BY-NC 4.0, research only",
            Languages = SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "general instructions translated and answered by GPT-4", Tags = ["general", "gpt-4"],
        }, Convert, ownInstructions: true),
    ];

    private static Conversation Convert(RawFields fields)
    {
        if (!fields.Has("user_input")) return RecordSource.FromUnified(fields);
        // Comparison records: the highest-scored answer is the output, the lowest-scored one the rejected answer.
        var ranked = fields.Items("responses_and_scores").Where(r => r.ValueKind == JsonValueKind.Object)
            .Select(r => (Text: r.TryGetProperty("response", out var text) ? fields.AsText(text, "response") : "",
                Score: r.TryGetProperty("score", out var score) && score.ValueKind == JsonValueKind.Number
                    ? score.GetDouble() : 0))
            .OrderByDescending(r => r.Score).ToList();
        if (ranked.Count == 0) throw fields.Bad("\"responses_and_scores\" contains no response");
        return fields.Instruction(fields.Text("user_input"), "", ranked[0].Text) with
        {
            Rejected = ranked[^1].Score < ranked[0].Score ? ranked[^1].Text : null,
        };
    }
}
