namespace AlpacaCot.Data.Collection;

/// <summary>Code Alpaca: programming tasks.</summary>
internal static class CodeAlpaca
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Unified(new("code-alpaca", "Code Alpaca", 20_022)
        {
            Aliases = ["codealpaca", "code_alpaca_20k"], Original = true, Published = "https://github.com/sahil280114/codealpaca",
            Files = ["data/code_alpaca_20k.json"],
            RawFormat = "JSON array of instruction, input, output", Licence = "CC BY-NC 4.0",
            Languages = SetLanguages.EN, Tasks = SetTasks.TS, Generation = SetGeneration.SI,
            Type = "writing, editing and improving code", Tags = ["code", "text-davinci-003"],
        }),
    ];
}
