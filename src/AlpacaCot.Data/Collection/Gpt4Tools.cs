namespace AlpacaCot.Data.Collection;

/// <summary>GPT4Tools: instructions for using tools on images.</summary>
internal static class Gpt4Tools
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Unified(new("gpt4tools", "GPT4Tools", 71_446)
        {
            Aliases = ["gpt4tools_71k"], Original = true, Published = "https://github.com/StevenGrove/GPT4Tools",
            Copy = "QingyiSi/Alpaca-CoT", Files = ["gpt4tools/*"], Licence = "Apache-2.0",
            RawFormat = "JSON array of instruction, input, output",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "use of tools", Tags = ["tools", "gpt-3.5"],
        }),
    ];
}
