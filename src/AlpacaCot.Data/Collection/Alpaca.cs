namespace AlpacaCot.Data.Collection;

/// <summary>Stanford Alpaca and its cleaned derivative, both in the unified form.</summary>
internal static class Alpaca
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Unified(new("alpaca", "alpaca", 52_002)
        {
            Aliases = ["stanford-alpaca", "alpaca_data", "tatsu-lab/alpaca"], Original = true, Published = "tatsu-lab/alpaca",
            RawFormat = "JSON array of instruction, input, output", Licence = "CC BY-NC 4.0, research only",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "general instructions", Tags = ["general", "text-davinci-003"],
        }),
        RecordSource.Unified(new("alpaca-cleaned", "Alpaca, cleaned", 51_760)
        {
            Aliases = ["alpaca_data_cleaned", "yahma/alpaca-cleaned"], PartOf = "alpaca", Published = "yahma/alpaca-cleaned",
            RawFormat = "JSON array of instruction, input, output", Licence = "CC BY-NC 4.0, research only",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "general instructions with faulty records corrected", Tags = ["general", "text-davinci-003", "cleaned"],
        }),
    ];
}
