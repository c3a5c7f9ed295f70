namespace AlpacaCot.Data.Collection;

/// <summary>The Chinese Chain-of-Thought data of the original collection.</summary>
internal static class CotChinese
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Unified(new("cot-chinese", "Chain of Thought, Chinese", 74_771)
        {
            Aliases = ["cot_chinese_data", "cot-zh"], PartOf = "flan-cot",
            Published = "QingyiSi/Alpaca-CoT", Files = ["Chain-of-Thought/CoT_Chinese_data.json"],
            RawFormat = "JSON array of instruction, input, output", Licence = "Apache-2.0 and ODC-By 1.0",
            Languages = SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.HG,
            Type = "the nine sets of Chain of Thought, machine-translated", Tags = ["cot", "reasoning"],
        }),
    ];
}
