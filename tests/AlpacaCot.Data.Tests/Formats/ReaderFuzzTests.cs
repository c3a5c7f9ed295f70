using AlpacaCot.Bench;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>
/// Damaged files end in records or in a message, and no record is lost without a word; the bench runs many more.
/// </summary>
public sealed class ReaderFuzzTests
{
    public static TheoryData<string> Readers => [.. ReaderFuzz.Seeds.Keys];

    [Theory]
    [MemberData(nameof(Readers))]
    public void Damage_is_named(string reader)
    {
        var outcome = ReaderFuzz.Run(reader, 300);
        Assert.True(outcome.Partly + outcome.Refused > 30, $"{outcome}");
    }

    [Theory]
    [InlineData("alpaca.parquet", 1726)]   // a length in the footer from which the Parquet library never came back
    public void What_the_long_run_found_stays_mended(string reader, int file) => ReaderFuzz.Run(reader, 1, file);
}
