using System.Text.Json;
using AlpacaCot.Data.Tests.Preparation;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>The files of a tokenizer are those that a copy needs, whatever they are called.</summary>
public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TemporaryFolder _copy = new();

    public void Dispose()
    {
        _folder.Dispose();
        _copy.Dispose();
    }

    [Theory]
    [InlineData("tokenizer.json", true)]
    [InlineData("ice_text.model", true)]
    [InlineData("spiece.model", true)]
    [InlineData("qwen.tiktoken", true)]
    [InlineData("other.json", false)]
    [InlineData("tokenizer.bin", false)]
    public void A_copy_of_the_files_is_the_same_tokenizer(string name, bool isFound)
    {
        var expected = Small(name);
        _folder.Write("special_tokens_map.json", """{"pad_token": "<s>"}""");
        _folder.Write("notes.txt", "not a tokenizer");
        Assert.Equal(isFound, TokenizerFiles.Has(_folder.Path));
        if (isFound)
        {
            var names = TokenizerFiles.Of(_folder.Path).Select(file => file.Name);
            Assert.Equal([name, "tokenizer_config.json", "special_tokens_map.json"], names);
        }
        else Assert.Empty(TokenizerFiles.Of(_folder.Path));
        foreach (var source in (string[])[.. isFound ? [_folder.Path] : (string[])[], Path.Combine(_folder.Path, name)])
            Same(expected, source, pad: true);
    }

    [Theory]
    [InlineData("vocab.json", "merges.txt")]
    [InlineData("bloom-vocab.json", "bloom-merges.txt")]
    public void Vocabulary_and_merges_go_together(string vocabulary, string merges)
    {
        var expected = Small("tokenizer.json");
        var json = JsonElement.Parse(File.ReadAllBytes(Path.Combine(_folder.Path, "tokenizer.json")));
        var model = json.GetProperty("model");
        using var pair = new TemporaryFolder();
        var path = pair.Write(vocabulary, model.GetProperty("vocab").GetRawText());
        pair.Write(merges, "#version: 0.2\n" + string.Join("\n", model.GetProperty("merges").EnumerateArray()) + "\n");
        Assert.Equal(["vocab.json", "merges.txt"], TokenizerFiles.Of(path).Select(file => file.Name).Order().Reverse());
        Same(Tokenizer.Load(path), path);
        int[] Ids(Tokenizer tokenizer) => tokenizer.Encode("the other", addSpecial: false);
        Assert.Equal(Ids(expected), Ids(Tokenizer.Load(path)));
    }

    [Fact]
    public void Several_tokenizers_without_a_standard_name_are_all_kept_and_one_must_be_named()
    {
        Small("a.model");
        _folder.Write("b.model", File.ReadAllBytes(Path.Combine(_folder.Path, "a.model")));
        Assert.True(TokenizerFiles.Has(_folder.Path));
        Assert.Equal(["a.model", "b.model", "tokenizer_config.json"], TokenizerFiles.Of(_folder.Path).Select(file => file.Name));
        Assert.Contains("several tokenizers (a.model, b.model)",
            Assert.Throws<InputException>(() => Tokenizer.Load(_folder.Path)).Message, StringComparison.Ordinal);
        var named = Path.Combine(_folder.Path, "b.model");
        Assert.Equal(["b.model", "tokenizer_config.json"], TokenizerFiles.Of(named).Select(file => file.Name));
        _folder.Write("tokenizer.model", File.ReadAllBytes(named));
        Assert.Equal("tokenizer.model", Path.GetFileName(Tokenizer.Load(_folder.Path).Path));
    }

    [Fact]
    public void A_configuration_alone_makes_no_tokenizer()
    {
        _folder.Write("tokenizer_config.json", "{}");
        _folder.Write("config.json", "{}");
        Assert.False(TokenizerFiles.Has(_folder.Path));
        Assert.Empty(TokenizerFiles.Of(_folder.Path));
        Assert.False(TokenizerFiles.Has(Path.Combine(_folder.Path, "config.json")));
        Assert.Empty(TokenizerFiles.Of(Path.Combine(_folder.Path, "absent")));
    }

    [Theory]
    [InlineData("data/weights/stories260K/stories260K-F32.gguf")]
    [InlineData("data/weights/stories260K/tok512.bin")]
    [InlineData("data/weights/stories260K/tok512.model")]
    [InlineData("data/derived/stories260K-hf")]
    [InlineData("data/tokenizer/gpt2")]
    public void Published_tokenizers_are_copied_whole(string shared)
    {
        var path = ReferenceData.Path(shared);
        Same(Tokenizer.Load(path), path);
    }

    private Tokenizer Small(string name)
    {
        SmallTokenizer.Load(_folder);
        var path = Path.Combine(_folder.Path, name);
        File.Move(Path.Combine(_folder.Path, "tokenizer.json"), path);
        return Tokenizer.Load(path);
    }

    private void Same(Tokenizer expected, string source, bool pad = false)
    {
        foreach (var old in Directory.GetFiles(_copy.Path)) File.Delete(old);
        foreach (var file in TokenizerFiles.Of(source)) _copy.Write(file.Name, file.Content());
        var actual = Tokenizer.Load(_copy.Path);
        const string text = "the other Übermut, 2 llamas </s> and more";
        Assert.Equal(expected.Encode(text), actual.Encode(text));
        Assert.Equal(expected.VocabularySize, actual.VocabularySize);
        Assert.Equal((expected.BosId, expected.EosId), (actual.BosId, actual.EosId));
        if (pad) Assert.Equal(actual.BosId, actual.PadId);
    }
}
