using System.Text.Json;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

public sealed class SentencePieceTests
{
    public static TheoryData<string> Goldens => ["llama_tokenizer", "ice_text", "sp_test_model", "torchtune_m"];

    [Theory]
    [MemberData(nameof(Goldens))]
    public void Ids_and_text_equal_SentencePiece(string name)
    {
        var golden = $"data/golden/sentencepiece/{name}.model.dev.json";
        using var file = JsonDocument.Parse(File.ReadAllBytes(ReferenceData.Path(golden)));
        var tokenizer = Tokenizer.Load(ReferenceData.Path("data/" + file.RootElement.GetProperty("model").GetString()));
        var cases = GoldenCase.Read(golden);
        Golden.AllEqual(cases, text => tokenizer.Encode(text, addSpecial: false, parseSpecial: false));
        foreach (var c in cases) Assert.Equal(c.Decoded, tokenizer.Decode(c.Ids));
    }

    [Fact]
    public void A_unigram_model_as_tokenizer_json_gives_the_same_ids()
    {
        var model = SentencePieceProto.Read(File.ReadAllBytes(ReferenceData.Path("data/tokenizer/torchtune/m.model")));
        var tokenizer = Golden.LoadJson(JsonSerializer.Serialize(new
        {
            normalizer = new { type = "Precompiled", precompiled_charsmap = Convert.ToBase64String(model.CharsMap) },
            pre_tokenizer = new { type = "Metaspace", replacement = "▁", prepend_scheme = "always" },
            decoder = new { type = "Metaspace", replacement = "▁", prepend_scheme = "always" },
            model = new { type = "Unigram", unk_id = 0, vocab = model.Pieces.Select(p => new object[] { p.Text, p.Score }) },
        }));
        // Spaces at the ends and in runs are the affair of other normalizers there.
        var cases = GoldenCase.Read("data/golden/sentencepiece/torchtune_m.model.dev.json")
            .Where(c => c.Decoded == c.Text && !c.Text.Contains("  ") && !c.Text.Contains('▁')).ToList();
        Assert.InRange(cases.Count, 100, 400);
        Golden.AllEqual(cases, text => tokenizer.Encode(text));
        Assert.All(cases, c => Assert.Equal(c.Decoded, tokenizer.Decode(c.Ids)));
    }

    [Fact]
    public void Unused_pieces_merge_and_are_cut_again()
    {
        var tokenizer = Golden.Load(("tokenizer.model", SentencePieceProto.Bpe(
            ("<unk>", 0, 2), ("a", -9, 1), ("b", -9, 1), ("ab", -1, 5), ("abab", -2, 1), ("xx", 0, 4), ("<s>", 0, 3))));
        Assert.Equal([4], Ids("abab"));
        Assert.Equal([1, 2], Ids("ab"));
        // A user-defined symbol is found first; unknown characters side by side are one token.
        Assert.Equal([1, 5, 2, 0, 1], Ids("axxb??a"));
        Assert.Equal([0, 5], Ids("<s>xx", parseSpecial: false));
        Assert.Equal([6, 5], Ids("<s>xx"));
        Assert.Equal("a \u2047 b", tokenizer.Decode([1, 0, 2]));

        int[] Ids(string text, bool parseSpecial = true) => tokenizer.Encode(text, addSpecial: false, parseSpecial);
    }

    [Fact]
    public void The_files_beside_a_model_are_honoured()
    {
        var model = File.ReadAllBytes(ReferenceData.Path("data/tokenizer/llama/tokenizer.model"));
        var padded = Golden.Load(("tokenizer.model", model),
            ("added_tokens.json", """{"[PAD]": 32000, "<note>": 32001}"""u8.ToArray()),
            ("special_tokens_map.json", """{"pad_token": "[PAD]", "eos_token": {"content": "</s>"}}"""u8.ToArray()));
        Assert.Equal((32002, 32000, 2), (padded.VocabularySize, padded.PadId, padded.EosId));
        Assert.Equal([1, 32000, 32001], padded.Encode("[PAD]<note>"));
        Assert.Equal("<note>", padded.Decode([1, 32000, 32001]));

        var modern = Golden.Load(("tokenizer.model", model),
            ("tokenizer_config.json", """{"legacy": false, "add_bos_token": false, "add_eos_token": true}"""u8.ToArray()));
        Assert.Equal([15043, 2, 10994, 2], modern.Encode("Hello</s>Hello"));
        Assert.Equal((false, true), (modern.AddsBos, modern.AddsEos));
    }

    [Fact]
    public void The_pretrained_models_tokenizer_gives_the_ids_of_its_reference()
    {
        var tokenizer = Tokenizer.Load(ReferenceData.Path("data/derived/stories260K-hf"));
        using var file = JsonDocument.Parse(File.ReadAllBytes(ReferenceData.Path("data/golden/runc/stories260K.json")));
        var cases = file.RootElement.GetProperty("cases").EnumerateArray()
            .Select(c => new GoldenCase(c.GetProperty("text").GetString()!, Golden.Numbers(c.GetProperty("ids")), null));
        // "LONG" stands for a text that is not recorded.
        Golden.AllEqual(cases.Where(c => c.Text != "LONG"), text => tokenizer.Encode(text));
    }

    [Fact]
    public void A_segment_that_begins_with_a_space_begins_a_word()
    {
        var tokenizer = Tokenizer.Load(ReferenceData.Path("data/tokenizer/torchtune/m.model"));
        int[] parts = [.. tokenizer.EncodeSegment("the", first: true), .. tokenizer.EncodeSegment(" the", first: false)];
        Assert.Equal(tokenizer.EncodeSegment("the the", first: true), parts);
        Assert.NotEqual(tokenizer.EncodeSegment(" the", first: false), tokenizer.EncodeSegment("the", first: false));
    }
}
