using System.Text.Json;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>The parts of a <c>tokenizer.json</c>, one by one, on models small enough to check by hand.</summary>
public sealed class JsonComponentTests
{
    private static string Quote(string text) => JsonSerializer.Serialize(text);

    private static Tokenizer WordLevel(string members, params string[] words) => Golden.LoadJson(
        "{" + members + (members.Length > 0 ? "," : "")
        + "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"?\", \"vocab\": {"
        + string.Join(',', words.Prepend("?").Select((word, id) => $"{Quote(word)}: {id}")) + "}}}");

    /// <summary>The text as the normalizer leaves it.</summary>
    private static string Normalized(string normalizer, string text) =>
        WordLevel($"\"normalizer\": {normalizer}").EncodeWithRanges(text, addSpecial: false).Normalized;

    /// <summary>The pieces that the pre-tokenizer cuts, told by where they start.</summary>
    private static string[] Cut(string preTokenizer, string text)
    {
        var tokenizer = WordLevel($"\"pre_tokenizer\": {preTokenizer}");
        var (_, ranges, normalized) = tokenizer.EncodeWithRanges(text, addSpecial: false);
        return [.. ranges.Select(range => normalized[range.Start..range.End])];
    }

    private static string Decode(string decoder, params string[] tokens)
    {
        var tokenizer = WordLevel($"\"decoder\": {decoder}", tokens);
        return tokenizer.Decode([.. tokens.Select(token => tokenizer.TokenToId(token)!.Value)]);
    }

    // The values are those of Unicode's reference (Python's unicodedata gives them too).
    [Theory]
    [InlineData("\u00F6 \uFB01", "\u00F6 \uFB01", "o\u0308 \uFB01", "\u00F6 fi", "o\u0308 fi")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307")]
    [InlineData("\uAC01", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\u0344", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301")]
    [InlineData("\u2126\u212B", "\u03A9\u00C5", "\u03A9A\u030A", "\u03A9\u00C5", "\u03A9A\u030A")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [InlineData("\U0001D518\U0002F800", "\U0001D518\u4E3D", "\U0001D518\u4E3D", "U\u4E3D", "U\u4E3D")]
    public void Unicode_forms(string text, string nfc, string nfd, string nfkc, string nfkd)
    {
        Assert.Equal(nfc, Normalized("""{"type": "NFC"}""", text));
        Assert.Equal(nfd, Normalized("""{"type": "NFD"}""", text));
        Assert.Equal(nfkc, Normalized("""{"type": "NFKC"}""", text));
        Assert.Equal(nfkd, Normalized("""{"type": "NFKD"}""", text));
    }

    [Theory]
    [InlineData("""{"type": "Lowercase"}""", "HÉLLO Ω", "héllo ω")]
    [InlineData("""{"type": "Prepend", "prepend": "▁"}""", "a b", "▁a b")]
    [InlineData("""{"type": "Replace", "pattern": {"String": "ab"}, "content": "x"}""", "ababc", "xxc")]
    [InlineData("""{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}""", "a  b c", "a▁b c")]
    [InlineData("""{"type": "Strip", "strip_left": false, "strip_right": true}""", " a ", " a")]
    [InlineData("""{"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}""", "déjà", "deja")]
    [InlineData("""{"type": "ByteLevel"}""", "é a", "Ã©Ġa")]
    public void Normalizers(string json, string text, string expected) => Assert.Equal(expected, Normalized(json, text));

    [Theory]
    [InlineData("Removed", false, "the|final|countdown")]
    [InlineData("Isolated", false, "the|-|final|-|-|countdown")]
    [InlineData("MergedWithPrevious", false, "the-|final-|-|countdown")]
    [InlineData("MergedWithNext", false, "the|-final|-|-countdown")]
    [InlineData("Contiguous", false, "the|-|final|--|countdown")]
    [InlineData("Removed", true, "-|-|-")]
    public void Split_behaviours(string behavior, bool invert, string expected)
    {
        var json = JsonSerializer.Serialize(new { type = "Split", pattern = new { String = "-" }, behavior, invert });
        Assert.Equal(expected.Split('|'), Cut(json, "the-final--countdown"));
    }

    [Theory]
    [InlineData("""{"type": "Digits", "individual_digits": true}""", "a12½b", "a|1|2|½|b")]
    [InlineData("""{"type": "Digits", "individual_digits": false}""", "a12½b", "a|12½|b")]
    [InlineData("""{"type": "Whitespace"}""", "Hey, you_1 -- é!", "Hey|,|you_1|--|é|!")]
    [InlineData("""{"type": "WhitespaceSplit"}""", "Hey, you!  x", "Hey,|you!|x")]
    [InlineData("""{"type": "Punctuation"}""", "a$b。c", "a|$|b|。|c")]
    [InlineData("""{"type": "Metaspace"}""", "a b  c", "▁a|▁b|▁|▁c")]
    [InlineData("""{"type": "Metaspace", "prepend_scheme": "never"}""", "a b", "a|▁b")]
    [InlineData("""{"type": "Metaspace", "prepend_scheme": "first", "split": false}""", "a b", "▁a▁b")]
    [InlineData("""{"type": "ByteLevel", "add_prefix_space": true}""", "a é", "Ġa|ĠÃ©")]
    [InlineData("""
        {"type": "Sequence", "pretokenizers": [
            {"type": "ByteLevel", "add_prefix_space": false},
            {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated"}]}
        """, " 12345", "Ġ|123|45")]
    // Possessive quantifiers, scripts and characters beyond the first plane as Oniguruma has them.
    [InlineData("""{"type": "Split", "pattern": {"Regex": "\\p{Han}++|\\p{L}+|[^\\s\\p{L}]?+"}, "behavior": "Isolated"}""",
        "𝔘𝔫a 你𠀀好🙂 !", "𝔘𝔫a| |你𠀀好|🙂| |!")]
    public void Pre_tokenizers(string json, string text, string expected) => Assert.Equal(expected.Split('|'), Cut(json, text));

    [Fact]
    public void Stand_ins_for_characters_beyond_the_first_plane_are_of_their_category()
    {
        (string, string)[] characters =
        [
            ("𝔘", "Lu"), ("𝔲", "Ll"), ("𞤀", "Lu"), ("𠀀", "Lo"), ("𐀀", "Lo"), ("𖭀", "Lm"), ("\U0001D165", "Mc"),
            ("\U0001D167", "Mn"), ("𝟘", "Nd"), ("𐅀", "Nl"), ("🄀", "No"), ("𐄀", "Po"), ("\U0001BC9D", "Mn"), ("𝛁", "Sm"),
            ("🙂", "So"), ("🏻", "Sk"), ("\U000E0001", "Cf"), ("\U000F0000", "Co"), ("\U00010EAD", "Pd"), ("\U0001E2FF", "Sc"),
        ];
        foreach (var (text, category) in characters)
        {
            var json = "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\p{" + category + "}\"}, \"behavior\": \"Isolated\"}";
            Assert.Equal(["a", text, "a"], Cut(json, $"a{text}a"));
        }
    }

    [Theory]
    [InlineData("""{"type": "ByteFallback"}""", "叫a\uFFFD\uFFFDb", "<0xE5>", "<0x8F>", "<0xAB>", "a", "<0xE6>", "<0x8E>", "b")]
    [InlineData("""{"type": "Metaspace"}""", "Hey my", "▁Hey", "▁my")]
    [InlineData("""
        {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
        """, " a b", "▁", "▁a", "▁b")]
    [InlineData("""
        {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": "_", "start": 2, "stop": 1}]}
        """, "_a_b_", "__", "_a", "_b", "__")]
    [InlineData("""
        {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "ab"}, "content": "c"}]}
        """, "xcx", "xa", "bx")]
    [InlineData("""{"type": "Strip", "content": "H", "start": 1, "stop": 0}""", "ey friend!", "Hey", " friend!")]
    [InlineData("""{"type": "BPEDecoder", "suffix": "</w>"}""", "hello world", "hel", "lo</w>", "world</w>")]
    [InlineData("""{"type": "ByteLevel"}""", "é ok", "Ã", "©", "Ġok")]
    [InlineData("null", "a b", "a", "b")]
    public void Decoders(string json, string expected, params string[] tokens) => Assert.Equal(expected, Decode(json, tokens));

    [Fact]
    public void Bpe_options()
    {
        // From the word "abba": merges as pairs, a prefix for what continues a word, a suffix for what ends it.
        string[] vocabulary = ["a", "##a", "##b", "ab", "abb", "b"];
        var continued = Bpe("""["a","##b"],["ab","##b"]""", """ "continuing_subword_prefix": "##" """, vocabulary);
        Assert.Equal(["abb", "##a"], continued("abba"));
        var ended = Bpe("\"b a</w>\"", """ "end_of_word_suffix": "</w>" """, "a", "b", "a</w>", "ba</w>");
        Assert.Equal(["a", "b", "ba</w>"], ended("abba"));
        var whole = """ "ignore_merges": true """;
        Assert.Equal(["abc"], Bpe("\"a b\"", whole, "a", "b", "c", "ab", "abc")("abc"));
        Assert.Equal(["ab", "c"], Bpe("\"a b\"", "\"ignore_merges\": false", "a", "b", "c", "ab", "abc")("abc"));
        Assert.Equal(["?", "a", "?"], Bpe("", """ "unk_token": "?", "fuse_unk": true """, "?", "a")("xxaxx"));
        Assert.Equal(["?", "?", "a", "?"], Bpe("", """ "unk_token": "?", "fuse_unk": false """, "?", "a")("xxax"));
        Assert.Equal(["a"], Bpe("", "\"unk_token\": null", "?", "a")("xax"));

        static Func<string, string[]> Bpe(string merges, string options, params string[] tokens)
        {
            var tokenizer = Golden.LoadJson($"{{\"model\": {{\"type\": \"BPE\", {options}, \"merges\": [{merges}], \"vocab\": {{"
                + string.Join(',', tokens.Select((token, id) => $"{Quote(token)}: {id}")) + "}}}");
            return text => [.. tokenizer.Encode(text).Select(tokenizer.IdToToken)];
        }
    }

    [Fact]
    public void Added_tokens()
    {
        var tokenizer = WordLevel("""
            "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"},
            "added_tokens": [
                {"id": 10, "content": "<m>", "lstrip": true, "rstrip": true, "special": true},
                {"id": 11, "content": "cat", "single_word": true},
                {"id": 12, "content": "Dog", "normalized": true},
                {"id": 13, "content": "<m>x"}]
            """, "a", "b", "<m>");
        Assert.Equal([1, 10, 2], tokenizer.Encode("a  <m>\n b"));
        Assert.Equal([1, 13, 2], tokenizer.Encode("a <m>x b"));
        Assert.Equal([11, 0, 11, 0], tokenizer.Encode("cat cats cat xcat"));
        Assert.Equal([12, 12], tokenizer.Encode("DOG dog"));
        // The text of a special token is ordinary text on request, that of other added tokens never.
        Assert.Equal([1, 3, 11], tokenizer.Encode("a <m> cat", parseSpecial: false));
        Assert.Equal((true, false, 14), (tokenizer.IsSpecial(10), tokenizer.IsSpecial(11), tokenizer.VocabularySize));
        Assert.Equal("a cat", tokenizer.Decode([1, 10, 11]));
        Assert.Equal("a <m> cat", tokenizer.Decode([1, 10, 11], skipSpecial: false));
        Assert.Equal("a", tokenizer.Decode([1, 9, 5000]));
    }

    [Fact]
    public void Templates_and_the_switches_that_overrule_them()
    {
        const string Json = """
            {"added_tokens": [{"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}],
             "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "</s>"}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [1]}, "</s>": {"id": "</s>", "ids": [2]}}}]},
             "model": {"type": "WordLevel", "vocab": {"?": 0, "a": 3}, "unk_token": "?"}}
            """;
        var plain = Golden.LoadJson(Json);
        Assert.Equal([1, 3, 2], plain.Encode("a"));
        Assert.Equal([3], plain.Encode("a", addSpecial: false));
        Assert.Equal((true, true, 1, 2), (plain.AddsBos, plain.AddsEos, plain.BosId, plain.EosId));
        Assert.Equal([3], Configured("LlamaTokenizer").Encode("a"));
        Assert.Equal([1, 3, 2], Configured("PreTrainedTokenizerFast").Encode("a"));
        Assert.Equal(2, Configured("LlamaTokenizer").PadId);

        static Tokenizer Configured(string name) => Golden.Load(
            ("tokenizer.json", System.Text.Encoding.UTF8.GetBytes(Json)),
            ("tokenizer_config.json", JsonSerializer.SerializeToUtf8Bytes(new
            {
                tokenizer_class = name, add_bos_token = false, add_eos_token = false, pad_token = new { content = "</s>" },
            })));
    }
}
