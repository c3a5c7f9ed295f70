using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Export;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Tests.Checkpoints;

/// <summary>
/// What people pass as a model: run folders, folders of the hub's cache, parts without an index, odd tokenizers.
/// </summary>
public sealed class ModelLocationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_folder_is_its_whole_model()
    {
        Run("run");
        new TinyModel().WriteFolder(_folder.File("run/model"));
        using var model = LanguageModel.Load(_folder.File("run"));
        Assert.Null(model.Adapter);
        Assert.True(model.HasTokenizer);
        using var same = ModelFolder.Open(_folder.File("run"));
        Assert.Equal(_folder.File("run/model"), same.Path);
    }

    [Fact]
    public void A_run_folder_with_an_adapter_is_the_adapter_over_its_base_or_says_what_to_type()
    {
        Run("run");
        var path = new TinyModel().WriteFolder(_folder.File("base"));
        using (var plain = new TinyModel().Build())
        using (var adapter = AdapterMethods.Attach(plain, new LoraConfig { TargetModules = ["q_proj"], BaseModel = path }, 1))
            adapter.Save(_folder.File("run/adapter"));
        using (var model = LanguageModel.Load(_folder.File("run"))) Assert.NotNull(model.Adapter);
        var whole = Assert.Throws<InputException>(() => ModelFolder.Open(_folder.File("run")).Dispose()).Message;
        Assert.Contains($"Type --model {path} --adapter {_folder.File("run")}, or merge", whole);
        Directory.Move(path, _folder.File("elsewhere"));
        Assert.Contains($"type --model BASE --adapter {_folder.File("run")}",
            Assert.Throws<InputException>(() => LanguageModel.Load(_folder.File("run")).Dispose()).Message);
        using var named = LanguageModel.Load(_folder.File("elsewhere"), _folder.File("run"));
        Assert.NotNull(named.Adapter);
    }

    [Fact]
    public void A_run_without_a_result_says_that_it_is_not_finished()
    {
        Run("run");
        Assert.Contains("not finished", Assert.Throws<InputException>(() => LanguageModel.Load(_folder.File("run")).Dispose())
            .Message);
    }

    [Theory]
    [InlineData("models--org--tiny")]
    [InlineData("models--org--tiny/snapshots")]
    [InlineData("models--org--tiny/snapshots/abc")]
    public void A_folder_of_the_hubs_cache_is_its_snapshot(string given)
    {
        new TinyModel().WriteFolder(_folder.File("models--org--tiny/snapshots/abc"));
        Directory.CreateDirectory(_folder.File("models--org--tiny/snapshots/old"));
        Directory.CreateDirectory(_folder.File("models--org--tiny/refs"));
        File.WriteAllText(_folder.File("models--org--tiny/refs/main"), "abc\n");
        using var model = LanguageModel.Load(_folder.File(given));
        Assert.True(model.HasTokenizer);
        File.Delete(_folder.File("models--org--tiny/refs/main"));
        if (!given.EndsWith("abc", StringComparison.Ordinal))
            Assert.Contains("has 2 snapshots and no refs/main",
                Assert.Throws<InputException>(() => LanguageModel.Load(_folder.File(given)).Dispose()).Message);
    }

    [Fact]
    public void Parts_without_an_index_are_one_model_and_missing_parts_are_named()
    {
        var path = new TinyModel().WriteFolder(_folder.File("base"));
        using var whole = LanguageModel.Load(path);
        var parts = _folder.File("parts");
        ModelExport.ToHuggingFace(whole, parts, shardBytes: 40_000);
        var names = Directory.GetFiles(parts, "model-*.safetensors").Select(Path.GetFileName).Order().ToList();
        Assert.True(names.Count > 2);
        File.Move(Path.Combine(parts, names[1]!), _folder.File("one"));
        File.Move(Path.Combine(parts, names[2]!), _folder.File("two"));
        Assert.Contains($"the shards {names[1]}, {names[2]} are missing", Fault());
        File.Delete(Path.Combine(parts, "model.safetensors.index.json"));
        Assert.Contains($"{names[1]}, {names[2]} of {names.Count:00000} weight files are missing", Fault());
        File.Move(_folder.File("one"), Path.Combine(parts, names[1]!));
        File.Move(_folder.File("two"), Path.Combine(parts, names[2]!));
        using var read = LanguageModel.Load(parts);
        Assert.Equal(0, LogitComparison.Of(whole, read).LargestDifference);

        string Fault() => Assert.Throws<InputException>(() => LanguageModel.Load(parts).Dispose()).Message;
    }

    [Fact] // transformers issues 24899 and 26714
    public void A_tokenizer_with_added_tokens_beyond_the_embeddings_loads_with_a_note_and_fails_only_where_one_is_used()
    {
        var path = new TinyModel().WriteFolder(_folder.File("base"));
        var file = Path.Combine(path, "tokenizer.json");
        var json = JsonNode.Parse(File.ReadAllText(file))!;
        json["added_tokens"]!.AsArray().Add(new JsonObject
        {
            ["id"] = 300, ["content"] = "<extra>", ["special"] = true, ["normalized"] = false, ["lstrip"] = false,
                ["rstrip"] = false,
            ["single_word"] = false,
        });
        File.WriteAllText(file, json.ToJsonString());
        using var model = LanguageModel.Load(path);
        var note = Assert.Single(model.Model.Notes);
        Assert.Contains("adds 1 token (<extra>)", note);
        Assert.Contains("alpaca-cot extend", note);
        var ids = model.Tokenizer.Encode("a <extra>");
        Assert.Contains(300, ids);
        using var scope = TorchSharp.torch.NewDisposeScope();
        var input = TorchSharp.torch.tensor(ids.Select(id => (long)id).ToArray(), [1, ids.Length]);
        Assert.Contains("The token 300 has no embedding",
            Assert.Throws<InputException>(() => model.Model.Logits(new(input))).Message);
        ModelExport.ToGguf(model, _folder.File("m.gguf"), Text.Gguf.GgufType.F32);
        Assert.Equal(300, Tokenizer.Load(_folder.File("m.gguf")).VocabularySize);

        // The remedy: a row for the token, as the mean of the tokens that its text had; no file of the tokenizer changes.
        var extension = VocabularyExtension.Add(path, ["<extra>", "<new>"], special: true, model.Model.Shape.Vocabulary);
        Assert.Equal([("<extra>", 300), ("<new>", 301)], extension.Tokens.Select(token => (token.Text, token.Id)));
        Assert.Equal((301, 302), (extension.Before, extension.After));
        VocabularyGrowth.Write(model, extension, _folder.File("wider"));
        using var wider = LanguageModel.Load(_folder.File("wider"));
        Assert.Empty(wider.Model.Notes);
        Assert.Equal(302, wider.Model.Shape.Vocabulary);
        Assert.Equal(ids, wider.Tokenizer.Encode("a <extra>"));
        var table = wider.Model.Parameters["model.embed_tokens.weight"];
        long[] pieces = [.. extension.Tokens[0].Pieces];
        Assert.All(pieces, piece => Assert.InRange(piece, 0, 299));
        Assert.Equal("<extra>", model.Tokenizer.Decode([.. extension.Tokens[0].Pieces]));
        var mean = table.index_select(0, TorchSharp.torch.tensor(pieces)).mean([0L]);
        Assert.InRange(Golden.Difference(table[300], mean), 0, 1e-6);
        Assert.Contains("exist already", Assert.Throws<InputException>(
            () => VocabularyExtension.Add(_folder.File("wider"), ["<extra>"], special: true, 302)).Message);
    }

    [Fact]
    public void Null_metadata_of_a_safetensors_file_is_none()
    {
        var path = new TinyModel().WriteFolder(_folder.File("base"));
        var bytes = File.ReadAllBytes(Path.Combine(path, "model.safetensors"));
        var length = (int)BitConverter.ToInt64(bytes);
        var header = JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject();
        header.Remove("__metadata__");
        header["__metadata__"] = null;
        var text = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
        File.WriteAllBytes(Path.Combine(path, "model.safetensors"),
            [.. BitConverter.GetBytes((long)text.Length), .. text, .. bytes[(8 + length)..]]);
        using var opened = SafetensorsFile.Open(Path.Combine(path, "model.safetensors"));
        Assert.Empty(opened.Metadata);
    }

    private void Run(string name)
    {
        Directory.CreateDirectory(_folder.File(name));
        File.WriteAllText(_folder.File($"{name}/run.json"), "{}");
    }
}
