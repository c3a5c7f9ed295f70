using AlpacaCot.Models.Export;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Export;

/// <summary>Writing reopens the folder and compares the old tokens' logits; the tests check what that leaves open.</summary>
public sealed class VocabularyGrowthTests
{
    private static string Stories => ReferenceData.Path("data/derived/stories260K-hf");

    private static string Llama => ReferenceData.Path("data/tokenizer/llama/tokenizer.model");

    [Fact]
    public void The_pieces_of_a_second_model_join_as_their_own_tokenizer_cuts()
    {
        using var folder = new TemporaryFolder();
        using var model = LanguageModel.Load(Stories);
        var extension = VocabularyExtension.Merge(Stories, Llama);
        var result = VocabularyGrowth.Write(model, extension, folder.File("merged"));
        Assert.InRange(result.Check.LargestDifference, 0, 1e-4);
        using var merged = LanguageModel.Load(folder.File("merged"));
        Assert.Equal(512 + extension.Tokens.Count, merged.Model.Shape.Vocabulary);
        Assert.Equal(merged.Model.Shape.Vocabulary, merged.Tokenizer.VocabularySize);
        // Characters that only the second model has are tokens now, where they were bytes before.
        var (before, after) = (model.Tokenizer.Encode("数学", addSpecial: false), merged.Tokenizer.Encode("数学", addSpecial: false));
        Assert.True(after.Length < before.Length);
        Assert.Equal("数学", merged.Tokenizer.Decode(after));

        using var scope = NewDisposeScope();
        var table = merged.Model.Parameters["model.embed_tokens.weight"];
        foreach (var token in extension.Tokens.Where((_, i) => i % 997 == 0))
            Assert.True(table[token.Id].allclose(
                table.index_select(0, tensor(token.Pieces.Select(p => (long)p).ToArray())).mean([0L]), 1e-5, 1e-6), token.Text);
        Assert.All(extension.Tokens, token => Assert.All(token.Pieces, piece => Assert.InRange(piece, 0, 511)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Added_tokens_are_one_id_and_what_they_are_said_to_be(bool special)
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, path) in new[] { ("sentencepiece", Stories), ("json", Checkout.Path("samples/base")) })
        {
            using var model = LanguageModel.Load(path);
            var extension = VocabularyExtension.Add(path, ["<|tool|>", "小羊驼", "<|tool|>"], special);
            Assert.Equal(2, extension.Tokens.Count);
            VocabularyGrowth.Write(model, extension, folder.File(name));
            var wider = Tokenizer.Load(folder.File(name));
            var ids = wider.Encode("a 小羊驼 <|tool|>", addSpecial: false);
            Assert.Equal(extension.Tokens.Select(token => token.Id).Order(), ids.Where(id => id >= extension.Before).Order());
            Assert.Equal(!special, wider.Decode(ids).Contains("小羊驼", StringComparison.Ordinal));
            Assert.Equal(model.Tokenizer.Encode("Once upon a time"), wider.Encode("Once upon a time"));
            Assert.Contains("exist already", Assert.Throws<InputException>(
                () => VocabularyExtension.Add(folder.File(name), ["小羊驼"], special)).Message);
        }
        Assert.Contains("added tokens after", Assert.Throws<InputException>(
            () => VocabularyExtension.Merge(folder.File("sentencepiece"), Llama)).Message);
        Assert.Contains("only SentencePiece", Assert.Throws<InputException>(
            () => VocabularyExtension.Merge(folder.File("json"), Llama)).Message);
    }
}
