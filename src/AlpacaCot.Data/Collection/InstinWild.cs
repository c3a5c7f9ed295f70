namespace AlpacaCot.Data.Collection;

/// <summary>InstructionWild: user-written instructions answered by a model.</summary>
internal static class InstinWild
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Unified(new("instinwild", "instinwild", 52_191)
        {
            Aliases = ["instructionwild", "instinwild_en", "instinwild_ch"], Original = true,
            Published = "https://github.com/XueFuzhao/InstructionWild",
            Copy = "QingyiSi/Alpaca-CoT", Files = ["instinwild/*.json"], Licence = "non-commercial research only",
            RawFormat = "JSON array of instruction, input, output, id",
            Languages = SetLanguages.EN | SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "writing, open questions, ideas", Tags = ["general", "text-davinci-003"],
        }),
    ];
}
