using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>Byte-level BPE: GPT-2, Llama 3, DeepSeek-Coder, StarCoder, Phi-2.</summary>
public sealed class ByteLevelTests
{
    private static Tokenizer Gpt2() => Golden.Shared("data/tokenizer/gpt2");

    private static Tokenizer Llama3() => Golden.Shared("data/tokenizer/llama3");

    private static string RustSource() => File.ReadAllText(ReferenceData.Path("data/tokenizer/golden_mlnet/lib.rs.txt"));

    private static int[] IdsOf(string relative)
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(ReferenceData.Path(relative)));
        return Golden.Numbers(file.RootElement);
    }

    private static int[] Plain(Tokenizer tokenizer, string text) =>
        tokenizer.Encode(text, addSpecial: false, parseSpecial: false);

    [Fact]
    public void Gpt2_equals_every_reference()
    {
        var tokenizer = Gpt2();
        Golden.AllEqual(Golden.InpOut("gpt-2"), text => tokenizer.Encode(text));
        Golden.AllEqual(GoldenCase.Read("data/golden/llama.cpp_tok/gpt-2.dev.json"), text => Plain(tokenizer, text));
        Golden.AllEqual(Golden.Swift("distilgpt2"), text => tokenizer.Encode(text));
        Golden.AllEqual([Golden.SwiftText("gpt2_encoded_tokens")], text => tokenizer.Encode(text));
        Assert.Equal(IdsOf("data/tokenizer/golden_mlnet/tokens_gpt2.json"), tokenizer.Encode(RustSource()));
        Assert.Equal((50257, 50256, false), (tokenizer.VocabularySize, tokenizer.EosId, tokenizer.AddsBos));
    }

    [Fact]
    public void Llama3_equals_every_reference()
    {
        var tokenizer = Llama3();
        Golden.AllEqual(Golden.InpOut("llama-bpe"), text => tokenizer.Encode(text, addSpecial: false));
        Golden.AllEqual(Golden.Swift("pcuenq/Llama-3.2-1B-Instruct-tokenizer"), text => tokenizer.Encode(text));
        var prose = Golden.SwiftText("llama_3.2_encoded");
        Golden.AllEqual([prose], text => tokenizer.Encode(text));
        Assert.Equal(prose.Decoded, tokenizer.Decode(prose.Ids, skipSpecial: false));
        Assert.Equal([128000, 128006, 882, 128007, 271, 6151, 128009],
            tokenizer.Encode("<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"));
        Assert.Equal((128256, 128000, 128001), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId));
        Assert.True(tokenizer.AddsBos);
    }

    [Fact]
    public void Cl100k_which_Llama3_begins_with_equals_tiktoken()
    {
        var ranks = File.ReadLines(ReferenceData.Path("data/tokenizer/llama3/tokenizer.model")).Take(100256);
        var tokenizer = Golden.Load(("cl100k.tiktoken", Encoding.UTF8.GetBytes(string.Join('\n', ranks) + "\n")));
        Assert.Equal(IdsOf("data/tokenizer/golden_mlnet/tokens.json"), tokenizer.Encode(RustSource()));
    }

    [Fact]
    public void StarCoder_equals_every_reference()
    {
        var tokenizer = Golden.LoadJson(StarCoder().ToTokenizerJson(JsonNode.Parse("""
            {"type": "Sequence", "pretokenizers": [
                {"type": "Digits", "individual_digits": true},
                {"type": "ByteLevel", "add_prefix_space": false}]}
            """)!));
        Golden.AllEqual(Golden.InpOut("starcoder"), text => tokenizer.Encode(text));
        Golden.AllEqual(GoldenCase.Read("data/golden/llama.cpp_tok/starcoder.dev.json"), text => Plain(tokenizer, text));
    }

    [Fact]
    public void DeepSeekCoder_equals_every_reference()
    {
        var vocabulary = new GgufVocabulary(Golden.Unpack("data/tokenizer/gguf_vocab/ggml-vocab-deepseek-coder.gguf.gz"));
        var tokenizer = Golden.LoadJson(vocabulary.ToTokenizerJson(JsonNode.Parse("""
            {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": "[\r\n]"}, "behavior": "Isolated", "invert": false},
                {"type": "Split", "pattern": {"Regex": "\\s?\\p{L}+"}, "behavior": "Isolated", "invert": false},
                {"type": "Split", "pattern": {"Regex": "\\s?\\p{P}+"}, "behavior": "Isolated", "invert": false},
                {"type": "Split", "pattern": {"Regex": "[一-龥ࠀ-一가-퟿]+"}, "behavior": "Isolated", "invert": false},
                {"type": "Digits", "individual_digits": true},
                {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
            """)!));
        Golden.AllEqual(Golden.InpOut("deepseek-coder"), text => tokenizer.Encode(text));
        Golden.AllEqual(GoldenCase.Read("data/golden/llama.cpp_tok/deepseek-coder.dev.json"), text => Plain(tokenizer, text));
    }

    private static GgufVocabulary StarCoder() => new(Golden.Unpack("data/tokenizer/gguf_vocab/ggml-vocab-starcoder.gguf.gz"));

    [Fact]
    public void Phi2_is_Gpt2_with_tokens_for_runs_of_white_space()
    {
        var tokenizer = Golden.HuggingFace("phi-2");
        var runs = new[] { "  ", "\t\t" };
        Golden.AllEqual(GoldenCase.Read("data/golden/llama.cpp_tok/gpt-2.dev.json").Where(c => !runs.Any(c.Text.Contains)),
            text => tokenizer.Encode(text, parseSpecial: false));
        var indented = tokenizer.Encode("if x:\n" + new string(' ', 31) + "y\n\t\tz");
        Assert.Contains(50257, indented);
        Assert.Equal("if x:\n" + new string(' ', 31) + "y\n\t\tz", tokenizer.Decode(indented));
        Assert.Equal([50256], tokenizer.Encode("<|endoftext|>"));
    }

    [Theory]
    [InlineData("oasst/tokenizer.json")]
    [InlineData("torchtune/tiny_bpe_tokenizer.json")]
    [InlineData("torchtune/tiny_bpe_vocab.json")]
    [InlineData("torchtune/tiktoken_small.model")]
    public void Vocabularies_without_recorded_ids_keep_every_byte(string file)
    {
        var tokenizer = Tokenizer.Load(ReferenceData.Path("data/tokenizer/" + file));
        // The smallest knows only the letters of its few sentences.
        var botchan = Encoding.UTF8.GetString(Golden.Unpack("data/tokenizer/sentencepiece/botchan.txt.gz"));
        var lines = botchan.ReplaceLineEndings("\n").Split('\n').Skip(1).Take(300);
        var texts = file.StartsWith("oasst") ? ["load user and", "a test"] : lines;
        Assert.All(texts, text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text))));
    }
}
