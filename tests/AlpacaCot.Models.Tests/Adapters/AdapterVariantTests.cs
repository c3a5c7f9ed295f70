using System.Diagnostics;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Tests.Families;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Adapters;

/// <summary>Adapters as programs other than ours write them.</summary>
public sealed class AdapterVariantTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("lora_exclude_modules")]
    [InlineData("lora_layers_pattern")]
    [InlineData("lora_trainable_token_indices")]
    [InlineData("lora_rank_alpha_pattern_regex")]
    public void A_setting_of_PEFT_computes_what_PEFT_does(string name)
    {
        var golden = new FamilyGolden("llama");
        using var model = golden.Model();
        using (AdapterMethods.Load(model, ReferenceData.Path($"golden/llama_peft/{name}")))
        {
            Assert.InRange(golden.LogitDifference(model, $"../llama_peft/{name}/out.safetensors"), 0, 1e-4);
            Assert.InRange(golden.LossDifference(model, $"../llama_peft/{name}/out.json"), 0, 1e-5);
        }
        Assert.True(golden.LogitDifference(model, $"../llama_peft/{name}/out.safetensors") > 1e-3, "control: the base alone");
        // And again from the folder that we write.
        using (var adapter = AdapterMethods.Load(model,
            ReferenceData.Path($"golden/llama_peft/{name}"))) adapter.Save(_folder.File("again"));
        using var again = AdapterMethods.Load(model, _folder.File("again"));
        Assert.InRange(golden.LogitDifference(model, $"../llama_peft/{name}/out.safetensors"), 0, 1e-4);
    }

    [Theory] // PEFT issue 2957, Soup issue 335
    [InlineData("_orig_mod.base_model.model.", ".lora_A.weight")]
    [InlineData("base_model.model._orig_mod.", ".lora_A.weight")]
    [InlineData("module.base_model.model.", ".lora_A.default.weight")]
    [InlineData("base_model.model.", ".lora_A.my_adapter.weight")]
    [InlineData("module.", ".lora_A.weight")]
    [InlineData("", ".lora_A.weight")]
    [InlineData("bare", ".lora_A.weight")]
    public void Wrappers_and_adapter_names_in_tensor_names_do_not_matter(string prefix, string ending)
    {
        var (model, path) = Saved(new LoraConfig { TargetModules = ["q_proj"] });
        var expected = Logits(model, path);
        Rename(path, name =>
        {
            var bare = name["base_model.model.".Length..].Replace(".lora_A.weight", ending)
                .Replace(".lora_B.weight", ending.Replace("_A", "_B"));
            return prefix == "bare" ? bare["model.".Length..] : prefix + bare;
        });
        Assert.Equal(0, (Logits(model, path) - expected).abs().max().item<float>());
    }

    [Fact]
    public void Two_adapters_in_one_file_are_refused_by_name()
    {
        var (_, path) = Saved(new LoraConfig { TargetModules = ["q_proj"] });
        Rename(path, name => name.Replace(".weight", name.Contains("layers.0") ? ".first.weight" : ".second.weight"));
        Assert.Contains("2 adapters (first, second)", Assert.Throws<InputException>(() => AdapterFolder.Read(path)).Message);
    }

    [Fact]
    public void A_head_saved_as_base_layer_and_embeddings_saved_beside_the_adapter_replace_those_of_the_base()
    {
        var (model, path) = Saved(new LoraConfig { TargetModules = ["lm_head"] });
        var (head, table) = (model.Parameters["lm_head.weight"] * Number(1.5),
            model.Parameters["model.embed_tokens.weight"] * Number(0.5));
        Add(path, ("base_model.model.lm_head.base_layer.weight", head), ("base_model.model.model.embed_tokens.weight", table));
        var found = Logits(model, path);
        using (no_grad())
        {
            model.Parameters["lm_head.weight"].mul_(Number(1.5));
            model.Parameters["model.embed_tokens.weight"].mul_(Number(0.5));
        }
        Drop(path, "base_layer", "embed_tokens");
        Assert.InRange((Logits(model, path) - found).abs().max().item<float>(), 0, 1e-5);
    }

    [Theory]
    [InlineData("base_model.model.model.embed_tokens.weight")]
    [InlineData("base_model.model.lm_head.base_layer.weight")]
    public void Embeddings_of_a_grown_vocabulary_name_the_remedy(string name)
    {
        var (model, path) = Saved(new LoraConfig { TargetModules = ["q_proj"] });
        Add(path, (name, zeros(305, 32)));
        var e = Assert.Throws<InputException>(() => AdapterMethods.Load(model, path));
        Assert.Contains("is for 305 tokens; the base model has 300", e.Message);
        Assert.Contains("alpaca-cot extend", e.Message);
    }

    [Fact]
    public void Trained_rows_of_a_tied_embedding_act_in_the_head_too_and_survive_the_merge()
    {
        var tiny = new TinyModel();
        tiny.WriteConfig(_folder.File("base"));
        var config = JsonNode.Parse(tiny.Config)!;
        config["tie_word_embeddings"] = true;
        File.WriteAllText(_folder.File("base/config.json"), config.ToJsonString());
        using (var built = tiny.Build())
            SafetensorsWriter.Write(_folder.File("base/model.safetensors"),
                [.. built.Parameters.Where(p => p.Key != "lm_head.weight").Select(p => (p.Key, p.Value))]);
        var lora = new LoraConfig { TargetModules = ["q_proj"], TokenIndices = new Dictionary<string,
            IReadOnlyList<int>> { [""] = [7, 250] } };
        using (var model = LanguageModel.Load(_folder.File("base")))
        using (var adapter = AdapterMethods.Attach(model.Model, lora, 1))
        {
            using (no_grad()) adapter.Parameters["model.embed_tokens.token_adapter.trainable_tokens_delta"].mul_(Number(3));
            adapter.Save(_folder.File("adapter"));
        }
        using var adapted = LanguageModel.Load(_folder.File("base"), _folder.File("adapter"));
        using var plain = LanguageModel.Load(_folder.File("base"));
        var ids = tensor(new long[] { 3, 7, 9 }, [1, 3]);
        var (with, without) = (adapted.Model.Logits(new ModelInput(ids)), plain.Model.Logits(new ModelInput(ids)));
        Assert.Equal((without[0, 0, 250] * Number(3)).item<float>(), with[0, 0, 250].item<float>(), 1e-4);
        Assert.Equal(without[0, 0, 3].item<float>(), with[0, 0, 3].item<float>(), 1e-4);
        ModelExport.ToHuggingFace(adapted, _folder.File("merged"));
        using var merged = LanguageModel.Load(_folder.File("merged"));
        Assert.InRange(LogitComparison.Of(adapted, merged).Relative, 0, 1e-5);
    }

    [Theory]
    [InlineData("""{"lora_of_tomorrow":0.5}""", "lora_of_tomorrow is 0.5")]
    [InlineData("""{"new_map":{"q_proj":2}}""", "new_map is")]
    [InlineData("""{"target_parameters":["mlp.experts"]}""", "target_parameters is")]
    [InlineData("""{"ensure_weight_tying":true}""", "ensure_weight_tying is true")]
    [InlineData("""{"trainable_token_indices":"all"}""", "trainable_token_indices is \"all\"")]
    [InlineData("""{"lora_of_tomorrow":null,"a":false,"b":0,"c":[],"d":{},"e":""}""", null)]
    [InlineData("""{"auto_mapping":{"base_model_class":"X"},"revision":"main","megatron_core":"megatron.core","qalora_group_size":16}""", null)]
    public void A_field_that_is_set_and_not_understood_is_refused_and_a_null_one_passes(string fields, string? fault)
    {
        var config = JsonNode.Parse("""{"peft_type":"LORA","target_modules":["q_proj"]}""")!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(fields)!.AsObject()) config[name] = value?.DeepClone();
        if (fault is null) Assert.Equal(8, LoraConfig.FromJson(config.ToJsonString(), "c").Rank);
        else Assert.Contains(fault, Assert.Throws<InputException>(() => LoraConfig.FromJson(config.ToJsonString(), "c")).Message);
    }

    [Theory]
    [InlineData("(a+)+$")]
    [InlineData("(.*a){25}b")]
    [InlineData("(?=(a+)+$)x")]
    [InlineData("(a|aa)+(?!b)c")]
    [InlineData("(")]
    public void A_pattern_of_a_file_never_hangs(string pattern)
    {
        var module = new string('a', 5000) + "!";
        var watch = Stopwatch.StartNew();
        foreach (var targets in (Targets[])[new() { Pattern = pattern }, new() { Modules = ["x"], ExcludedPattern = pattern },
            new() { Modules = ["x"], Layers = [1], LayersPattern = [pattern] }])
            try
            {
                targets.Names(module);
            }
            catch (InputException e)
            {
                Assert.Contains(pattern, e.Message);
            }
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 8);
    }

    private (CausalModel Model, string Path) Saved(LoraConfig config)
    {
        var model = new TinyModel().Build();
        using var adapter = AdapterMethods.Attach(model, config, 1);
        using (no_grad()) foreach (var weight in adapter.Parameters.Values) weight.PlusInPlace(randn_like(weight) * Number(0.1));
        adapter.Save(_folder.File("adapter"));
        return (model, _folder.File("adapter"));
    }

    private static Tensor Logits(CausalModel model, string path)
    {
        using var quiet = no_grad();
        using var adapter = AdapterMethods.Load(model, path);
        return model.Logits(new ModelInput(tensor(new long[] { 5, 17, 100, 3 }, [1, 4])));
    }

    private static void Rename(string path, Func<string, string> name) =>
        Change(path, all => [.. all.Select(t => (name(t.Name), t.Value))]);

    private static void Add(string path, params (string, Tensor)[] more) => Change(path, all => [.. all, .. more]);

    private static void Drop(string path, params string[] parts) =>
        Change(path, all => [.. all.Where(t => !parts.Any(part => t.Name.Contains(part, StringComparison.Ordinal)))]);

    private static void Change(string path, Func<IReadOnlyList<(string Name, Tensor Value)>,
        IReadOnlyList<(string, Tensor)>> change)
    {
        var file = Path.Combine(path, "adapter_model.safetensors");
        List<(string, Tensor)> all;
        using (var opened = SafetensorsFile.Open(file)) all =
            [.. opened.Entries.Keys.Select(name => (name, opened.Read(name).clone()))];
        SafetensorsWriter.Write(file, [.. change(all)]);
    }
}
