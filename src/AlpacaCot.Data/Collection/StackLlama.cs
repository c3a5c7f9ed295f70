namespace AlpacaCot.Data.Collection;

/// <summary>Pairs of answers from Stack Exchange, the one with more votes first.</summary>
internal static class StackLlama
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("stack-llama", "StackLLaMA", null)
        {
            Aliases = ["stack-exchange-paired", "lvwerra/stack-exchange-paired"], Original = true,
            Published = "lvwerra/stack-exchange-paired", RawFormat = "Parquet of question, response_j (better), response_k, qid, date",
            Languages = SetLanguages.EN,
            Type = "questions and answers of Stack Exchange", Tags = ["qa", "code", "preference"],
        }, fields => fields.Instruction(fields.Text("question"), "", fields.Text("response_j")) with
        {
            Rejected = fields.TextOrEmpty("response_k") is { Length: > 0 } other ? other : null,
        }),
    ];
}
