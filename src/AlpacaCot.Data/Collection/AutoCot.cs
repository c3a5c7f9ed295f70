using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Auto-CoT: questions with model-written chains of thought.</summary>
internal static class AutoCot
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("auto-cot", "Auto CoT", 5_816)
        {
            Original = true, Published = "https://github.com/amazon-science/auto-cot",
            Copy = "QingyiSi/Alpaca-CoT", Files = ["Auto-CoT/*"],
            RawFormat = "JSON object of demo: a list of question, rationale, pred_ans, gold_ans", Licence = "Apache-2.0",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "arithmetic, common sense and symbols, step by step", Tags = ["cot", "math", "reasoning"],
        }, Convert),
    ];

    private static IEnumerable<Conversation> Convert(RawFields fields) => fields.Has("demo")
        ? fields.Items("demo").Select((row, i) =>
            One(new RawFields(fields.Record with { Value = row, Number = i + 1 }, fields.Options)))
        : [One(fields)];

    private static Conversation One(RawFields fields)
    {
        var (question, rationale) = (fields.Text("question").Trim(), fields.Text("rationale").Trim());
        if (question.StartsWith("Q:", StringComparison.Ordinal)) question = question[2..].TrimStart();
        if (question.EndsWith("A:", StringComparison.Ordinal)) question = question[..^2].TrimEnd();
        return fields.Instruction(question, "", $"{rationale} The answer is {fields.Text("pred_ans")}.");
    }
}
