using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Export;

/// <summary>
/// A base whose configuration ties the head and whose file has a head nevertheless. A trained head that is lost when the adapter
/// is merged: PEFT issue 2777, transformers issue 45127, unsloth PR 9331.
/// </summary>
public sealed class TiedHeadTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("modules: lm_head")]
    [InlineData("modules: embed_tokens")]
    [InlineData("lora: lm_head")]
    [InlineData("lora: embed_tokens")]
    public void A_trained_head_or_embedding_survives_the_merge_of_a_tied_base_that_also_stores_the_head(string trained)
    {
        var adapter = Train(Base(sameHead: true), trained);
        foreach (var (format, type) in new[] { ("hf", (ScalarType?)null), ("hf", ScalarType.BFloat16), ("gguf", null),
            ("meta", null) })
        {
            using var adapted = LanguageModel.Load(_folder.File("base"), adapter);
            using var plain = LanguageModel.Load(_folder.File("base"));
            var path = _folder.File($"{format}{type}");
            var result = format == "hf" ? ModelExport.ToHuggingFace(adapted, path, type)
                : format == "gguf" ? ModelExport.ToGguf(adapted, path, GgufType.F32) : ModelExport.ToStateDict(adapted, path);
            using var merged = LanguageModel.Load(path);
            Assert.InRange(LogitComparison.Of(adapted, merged).Relative, 0, type is null ? 1e-5 : 0.02);
            Assert.InRange(LogitComparison.Of(plain, merged).Relative, 0.1, 10); // the training changed something
            Assert.False(merged.Checkpoint.Config.GetProperty("tie_word_embeddings").GetBoolean());
            Assert.Contains("lm_head.weight", merged.Checkpoint.Entries.Keys);
            Assert.InRange(result.Check.Relative, 0, 0.02);
        }
    }

    [Fact]
    public void A_head_that_differs_from_the_embedding_is_used_although_the_configuration_ties_it()
    {
        using var model = LanguageModel.Load(Base(sameHead: false));
        Assert.False(model.Model.IsHeadTied);
        Assert.Contains("lm_head.weight, which differs from model.embed_tokens.weight", Assert.Single(model.Model.Notes));
        using var stored = model.Checkpoint.Read("lm_head.weight");
        Assert.Equal(0, (model.Model.Head.Weight - stored).abs().max().item<float>());
        ModelExport.ToHuggingFace(model, _folder.File("written"));
        using var written = LanguageModel.Load(_folder.File("written"));
        Assert.Empty(written.Model.Notes);
        Assert.Equal(0, LogitComparison.Of(model, written).LargestDifference);

        // Quantizing and full tuning build the model in other ways.
        QuantizedFolder.Write(_folder.File("base"), _folder.File("nf4"), new QuantizationOptions(QuantizationType.Nf4));
        using var quantized = ModelFolder.Open(_folder.File("nf4"));
        Assert.Contains("lm_head.weight", quantized.Entries.Keys);
        Assert.False(quantized.Config.GetProperty("tie_word_embeddings").GetBoolean());
        using var shapes = ModelFamilies.Build(model.Checkpoint.Config,
            new ShapeWeights(described: new CheckpointWeights(model.Checkpoint)));
        Assert.Contains("lm_head.weight", shapes.Parameters.Keys);
        using var trained = LanguageModel.Load(_folder.File("base"), storage: ScalarType.Float32);
        using var full = new FullTuning(trained.Model, File.ReadAllText(_folder.File("base/config.json")), []);
        full.Save(_folder.File("full"));
        using var tuned = LanguageModel.Load(_folder.File("full"));
        Assert.Empty(tuned.Model.Notes);
        Assert.Equal(0, LogitComparison.Of(model, tuned).LargestDifference);
    }

    [Fact]
    public void A_copy_of_a_tied_head_is_dropped_not_left_behind_by_a_trained_embedding()
    {
        using var model = LanguageModel.Load(Base(sameHead: true));
        Assert.True(model.Model.IsHeadTied);
        Assert.Empty(model.Model.Notes);
        ModelExport.ToHuggingFace(model, _folder.File("written"));
        using var written = ModelFolder.Open(_folder.File("written"));
        Assert.DoesNotContain("lm_head.weight", written.Entries.Keys);
        Assert.True(written.Config.GetProperty("tie_word_embeddings").GetBoolean());
    }

    [Theory]
    [InlineData("hf", null)]
    [InlineData("hf", ScalarType.BFloat16)]
    [InlineData("hf", ScalarType.Float16)]
    [InlineData("q8", null)]
    [InlineData("q4", null)]
    public void The_check_after_a_write_fails_where_the_adapter_was_dropped(string format, ScalarType? type)
    {
        var adapter = Train(Base(sameHead: true), "lora: q_proj", strength: 0.02);
        using var plain = LanguageModel.Load(_folder.File("base"));
        using var adapted = LanguageModel.Load(_folder.File("base"), adapter);
        Write(plain, _folder.File("bare"));
        Write(adapted, _folder.File("merged"));
        using var bare = LanguageModel.Load(_folder.File("bare"));
        using var merged = LanguageModel.Load(_folder.File("merged"));
        var bound = format != "hf" ? (double?)null : type is null ? 1e-6 : type == ScalarType.Float16 ? 1.0 / 1024 : 1.0 / 256;
        KeptAdapter.Require(adapted.Model, merged.Model, _ => bound);
        Assert.Throws<InputException>(() => KeptAdapter.Require(adapted.Model, bare.Model, _ => bound)); // the control

        void Write(LanguageModel model, string path)
        {
            if (format == "hf") ModelExport.ToHuggingFace(model, path, type);
            else ModelExport.ToGguf(model, path, format == "q8" ? GgufType.Q8 : GgufType.Q4);
        }
    }

    [Fact]
    public void An_adapter_that_rounding_swallows_whole_is_an_error_that_names_the_remedy()
    {
        using (var plain = LanguageModel.Load(Base(sameHead: true)))
            ModelExport.ToHuggingFace(plain, _folder.File("half"), ScalarType.BFloat16);
        var adapter = Train(_folder.File("half"), "lora: q_proj", strength: 1e-6);
        using var adapted = LanguageModel.Load(_folder.File("half"), adapter);
        var e = Assert.Throws<InputException>(() => ModelExport.ToHuggingFace(adapted, _folder.File("merged")));
        Assert.Contains("smaller than the rounding", e.Message);
        Assert.False(Directory.Exists(_folder.File("merged")));
        ModelExport.ToHuggingFace(adapted, _folder.File("wide"), ScalarType.Float32);
    }

    // A base in fp32 whose configuration ties the head and whose file stores one.
    private string Base(bool sameHead)
    {
        var tiny = new TinyModel(Hidden: 64);
        var path = tiny.WriteFolder(_folder.File("base"));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(path, "config.json")))!;
        config["tie_word_embeddings"] = true;
        File.WriteAllText(Path.Combine(path, "config.json"), config.ToJsonString());
        using var model = tiny.Build();
        var head = sameHead ? model.Parameters["model.embed_tokens.weight"] : model.Parameters["lm_head.weight"];
        SafetensorsWriter.Write(Path.Combine(path, "model.safetensors"),
            [.. model.Parameters.Select(p => (p.Key, p.Key == "lm_head.weight" ? head : p.Value))]);
        return path;
    }

    private string Train(string path, string what, double strength = 0.3)
    {
        var (kind, module) = (what.Split(": ")[0], what.Split(": ")[1]);
        using var model = LanguageModel.Load(path);
        var config = new LoraConfig { Rank = 4, Alpha = 4, TargetModules = kind == "lora" ? [module] : ["v_proj"] };
        if (kind == "modules") config = config with { ModulesToSave = [module] };
        using var adapter = AdapterMethods.Attach(model.Model, config, 5);
        using (no_grad())
        {
            manual_seed(3);
            foreach (var weight in adapter.Parameters.Values) weight.PlusInPlace(randn_like(weight) * Number(strength));
        }
        adapter.Save(_folder.File("adapter"));
        return _folder.File("adapter");
    }
}
