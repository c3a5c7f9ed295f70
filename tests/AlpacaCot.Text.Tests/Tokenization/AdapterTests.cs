using System.Buffers;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

public sealed class AdapterTests
{
    private static Tokenizer Llama() => Golden.Shared("data/tokenizer/llama/tokenizer.model");

    [Fact]
    public void Microsofts_interface_gives_the_same_ids_with_their_places()
    {
        var ours = Llama();
        Microsoft.ML.Tokenizers.Tokenizer adapter = new MicrosoftTokenizer(ours);
        const string Text = "Hello  wörld 🙂!</s>Hi";
        var tokens = adapter.EncodeToTokens(Text, out var normalized);
        Assert.Equal("▁Hello▁▁wörld▁🙂!</s>▁Hi", normalized);
        Assert.Equal(ours.Encode(Text, addSpecial: false), tokens.Select(token => token.Id));
        Assert.Equal(ours.Encode(Text, addSpecial: false), adapter.EncodeToIds(Text));
        Assert.Equal(tokens.Count, adapter.CountTokens(Text));
        Assert.All(tokens, token => Assert.Equal(token.Value.StartsWith("<0x") ? "🙂" : token.Value, normalized![token.Offset]));
        Assert.Equal("Hello  wörld 🙂! Hi", adapter.Decode(tokens.Select(token => token.Id)));

        var cut = adapter.GetIndexByTokenCount(Text, 2, out normalized, out var count);
        Assert.Equal((2, "▁Hello▁"), (count, normalized![..cut]));
        cut = adapter.GetIndexByTokenCountFromEnd(Text, 1, out normalized, out count);
        Assert.Equal((1, "▁Hi"), (count, normalized![cut..]));
        Assert.Equal(ours.Encode(Text, addSpecial: false)[..3], adapter.EncodeToIds(Text, 3, out _, out _));
    }

    [Fact]
    public void Begin_tokens_are_added_on_request_and_text_that_does_not_fit_is_left()
    {
        var adapter = new MicrosoftTokenizer(Llama(), addSpecial: true);
        Assert.Equal([1, 15043], adapter.EncodeToIds("Hello"));
        Assert.Equal([0..0, 0..6], adapter.EncodeToTokens("Hello", out _).Select(token => token.Offset));
        var buffer = new char[8];
        var status = adapter.Decode([1, 15043, 3186], buffer, out var ids, out var characters);
        Assert.Equal((OperationStatus.DestinationTooSmall, 2, 5), (status, ids, characters));
        status = adapter.Decode([1, 15043], buffer, out ids, out characters);
        Assert.Equal((OperationStatus.Done, 2, "Hello"), (status, ids, new string(buffer, 0, characters)));
    }
}
