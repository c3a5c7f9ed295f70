using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>Where each token lies in the normalized text.</summary>
public sealed class TokenRangeTests
{
    private static Tokenizer Llama() => Golden.Shared("data/tokenizer/llama/tokenizer.model");

    [Fact]
    public void Ranges_cover_the_text_of_each_token_and_the_ids_are_those_of_Encode()
    {
        var tokenizer = Llama();
        const string Text = "Hello  wörld 🙂!</s>Hi";
        var (ids, ranges, normalized) = tokenizer.EncodeWithRanges(Text, addSpecial: false);
        Assert.Equal("▁Hello▁▁wörld▁🙂!</s>▁Hi", normalized);
        Assert.Equal(tokenizer.Encode(Text, addSpecial: false), ids);
        Assert.Equal(ids.Count, ranges.Count);
        Assert.All(ids.Zip(ranges), pair =>
        {
            var token = tokenizer.IdToToken(pair.First);
            // The bytes of a character that the vocabulary lacks share its range.
            Assert.Equal(token.StartsWith("<0x", StringComparison.Ordinal) ? "🙂" : token,
                normalized[pair.Second.Start..pair.Second.End]);
        });
        Assert.Equal("Hello  wörld 🙂! Hi", tokenizer.Decode([.. ids]));
    }

    [Fact]
    public void Begin_tokens_are_added_on_request_with_an_empty_range()
    {
        var (ids, ranges, _) = Llama().EncodeWithRanges("Hello", addSpecial: true);
        Assert.Equal([1, 15043], ids);
        Assert.Equal([(0, 0), (0, 6)], ranges);
    }
}
