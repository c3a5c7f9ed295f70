using System.Text.Json;
using AlpacaCot.Data.Tokenization;
using AlpacaCot.Tests;

namespace AlpacaCot.Data.Tests.Tokenization;

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
}
