using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Pairs of answers from Stack Exchange; the one with more votes is preferred.</summary>
internal static class StackLlama
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("stack-llama", "StackLLaMA", null)
        {
            Aliases = ["stack-exchange-paired", "lvwerra/stack-exchange-paired"], Original = true,
            Published = "lvwerra/stack-exchange-paired",
            RawFormat = "Parquet of question, response_j (better), response_k, qid, date",
            Languages = SetLanguages.EN,
            Type = "questions and answers of Stack Exchange", Tags = ["qa", "code", "preference"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var (better, worse) = (fields.Text("response_j"), fields.TextOrEmpty("response_k"));
        return fields.Instruction(fields.Text("question"), "", better) with { Rejected = worse.Length > 0 ? worse : null };
    }
}
