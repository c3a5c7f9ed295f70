namespace AlpacaCot.Text.Tests;

public sealed class SpellingTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("alpaca", "alpaca", 0)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("laerning_rate", "learning_rate", 1)]   // two neighbours exchanged count once
    [InlineData("ca", "abc", 3)]                        // optimal string alignment, not the unrestricted distance (2)
    public void Distance_counts_edits(string a, string b, int expected)
    {
        Assert.Equal(expected, Spelling.Distance(a, b));
        Assert.Equal(expected, Spelling.Distance(b, a));
    }

    [Theory]
    [InlineData("alpacca", "alpaca")]
    [InlineData("ALPACA-LROA", "alpaca-lora")]
    [InlineData("alpaca_short", "alpaca-short")]
    [InlineData("chatml", null)]
    public void Nearest_is_what_was_meant_or_nothing(string word, string? expected) =>
        Assert.Equal(expected, Spelling.Nearest(word, ["alpaca", "alpaca-lora", "alpaca-short", "plain"]));
}
