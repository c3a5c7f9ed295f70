using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>The LLaMA 1/2 vocabulary, as <c>tokenizer.model</c> and as <c>tokenizer.json</c>.</summary>
public sealed class LlamaTests
{
    private static Tokenizer Model() => Golden.Shared("data/tokenizer/llama/tokenizer.model");

    public static TheoryData<string> Forms => ["model", "json"];

    private static Tokenizer Load(string form) => form == "model" ? Model() : Golden.HuggingFace("llama2");

    [Theory]
    [MemberData(nameof(Forms))]
    public void Both_files_equal_every_reference(string form)
    {
        var tokenizer = Load(form);
        // In this copy of tokenizer.json the no-break spaces of three tokens have become plain spaces.
        bool IsIntact(GoldenCase c) => form == "model" || !c.Text.Contains('\u00A0');
        Golden.AllEqual(Golden.InpOut("llama-spm"), text => tokenizer.Encode(text, addSpecial: false));
        Golden.AllEqual(GoldenCase.Read("data/golden/sentencepiece/llama_tokenizer.model.dev.json").Where(IsIntact),
            text => tokenizer.Encode(text, addSpecial: false, parseSpecial: false));
        var swift = Golden.Swift("coreml-projects/Llama-2-7b-chat-coreml").Where(IsIntact).ToList();
        Golden.AllEqual([.. swift, Golden.SwiftText("llama_encoded")], text => tokenizer.Encode(text));
        foreach (var c in swift) Assert.Equal(c.Decoded, tokenizer.Decode(c.Ids, skipSpecial: false));
        foreach (var c in swift) Assert.Equal(c.Text, tokenizer.Decode(c.Ids));
        Assert.Equal((32000, 1, 2, 0), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId, tokenizer.UnknownId));
        Assert.Equal((true, false), (tokenizer.AddsBos, tokenizer.AddsEos));
    }

    [Fact]
    public void The_vocabulary_of_the_gguf_file_is_the_same()
    {
        var gguf = new GgufVocabulary(Golden.Unpack("data/tokenizer/gguf_vocab/ggml-vocab-llama-spm.gguf.gz"));
        var tokenizer = Model();
        Assert.Equal(gguf.Tokens, Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.IdToToken));
    }

    [Fact]
    public void Each_stretch_after_a_special_token_gets_a_prefix()
    {
        Assert.Equal([263, 2, 289], Model().Encode("a</s>b", addSpecial: false));
        Assert.Equal([1, 263, 2], Model().Encode("a</s>"));
        Assert.NotEqual([263, 2], Model().Encode("a</s>", addSpecial: false, parseSpecial: false));
    }

    [Fact]
    public void Only_the_first_segment_gets_a_prefix()
    {
        foreach (var form in Forms.Select(row => row.Data))
        {
            var tokenizer = Load(form);
            Assert.Equal([15043], tokenizer.EncodeSegment("Hello", first: true));
            Assert.Equal([10994], tokenizer.EncodeSegment("Hello", first: false));
            Assert.Equal("Hello Hello", tokenizer.Decode([15043, .. tokenizer.EncodeSegment(" Hello", first: false)]));
            Assert.Empty(tokenizer.EncodeSegment("", first: true));
        }
    }
}
