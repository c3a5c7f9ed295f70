namespace AlpacaCot.Data.Collection;

/// <summary>finance-alpaca: questions and answers about finance.</summary>
internal static class FinanceAlpaca
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Unified(new("finance-alpaca", "finance_en", 68_912)
        {
            Aliases = ["finance", "finance-en", "gbharti/finance-alpaca"], Original = true, Published = "gbharti/finance-alpaca",
            RawFormat = "JSON array of instruction, input, output, text",
            Languages = SetLanguages.EN, Tasks = SetTasks.TS, Generation = SetGeneration.COL,
            Type = "questions about finance", Tags = ["finance", "qa", "gpt-3.5"],
        }),
    ];
}
