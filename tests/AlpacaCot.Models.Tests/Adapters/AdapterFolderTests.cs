using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Tests.Checkpoints;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Adapters;

public sealed class AdapterFolderTests
{
    [Theory]
    [InlineData("golden/llama/lora")]
    [InlineData("golden/bloom/lora")]
    [InlineData("golden/llama/peft/lora_all_linear_keyword")]
    [InlineData("golden/llama/peft/lora_bias_all")]
    [InlineData("golden/llama/peft/lora_embedding")]
    [InlineData("golden/llama/peft/lora_layers_to_transform")]
    [InlineData("golden/llama/peft/lora_modules_to_save")]
    [InlineData("golden/llama/peft/lora_rank_pattern")]
    [InlineData("golden/llama/peft/lora_rslora")]
    [InlineData("golden/llama/peft/lora_target_regex")]
    [InlineData("golden/llama/peft/lora_dora")]
    [InlineData("golden/llama/peft/ia3")]
    [InlineData("golden/llama/peft/ln_tuning")]
    [InlineData("golden/llama/peft/loha")]
    [InlineData("golden/llama/peft/lokr")]
    [InlineData("golden/llama/peft/oft")]
    [InlineData("golden/llama/peft/vera")]
    [InlineData("golden/llama/peft/prompt_tuning")]
    [InlineData("golden/llama/peft/p_tuning_lstm")]
    [InlineData("golden/llama/peft/prefix_tuning_proj")]
    [InlineData("data/peft/gemma3_270m_r4_f32")]
    [InlineData("data/peft/gpt2_seqcls_r8_f32")]
    public void An_adapter_of_peft_is_rewritten_as_it_was(string name)
    {
        var path = ReferenceData.Path(name);
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var (config, tensors) = AdapterFolder.Read(path);
        AdapterFolder.Write(folder.Path, config, [.. tensors.Select(t => (t.Key, t.Value))]);

        const string weights = "adapter_model.safetensors";
        Assert.Equal(File.ReadAllBytes(Path.Combine(path, weights)), File.ReadAllBytes(folder.File(weights)));
        var expected = JsonNode.Parse(File.ReadAllText(Path.Combine(path, "adapter_config.json")))!.AsObject();
        var actual = JsonNode.Parse(File.ReadAllText(folder.File("adapter_config.json")))!.AsObject();
        foreach (var (field, value) in expected)
            Assert.True(JsonNode.DeepEquals(value, actual[field]), $"{field}: {actual[field]}, not {value}");
        Assert.Equal(actual.Select(f => f.Key).Order(StringComparer.Ordinal), actual.Select(f => f.Key));
    }

    [Fact]
    public void The_fields_mean_what_they_say()
    {
        static LoraConfig Golden(string name) =>
            LoraConfig.FromJson(File.ReadAllText(ReferenceData.Path($"golden/llama/peft/{name}/adapter_config.json")), "c");
        var config = Golden("lora_rank_pattern");
        Assert.Equal((4, 16.0, 0.0, BiasTraining.None), (config.Rank, config.Alpha, config.Dropout, config.Bias));
        Assert.False(config.UseRsLora || config.FanInFanOut);
        Assert.Equal(["q_proj", "v_proj"], config.TargetModules.Order());
        Assert.Equal((6, 32.0), (config.RankPattern["q_proj"], config.AlphaPattern["v_proj"]));
        Assert.Equal(("llama/model", "CAUSAL_LM"), (config.BaseModel, config.TaskType));
        Assert.True(Golden("lora_rslora").UseRsLora);

        var pattern = LoraConfig.FromJson(
            """{"peft_type":"LORA","target_modules":"all-linear","layers_to_transform":1,"layers_pattern":"h"}""", "c");
        Assert.Equal(("all-linear", 0), (pattern.TargetPattern, pattern.TargetModules.Count));
        Assert.Equal([1], pattern.Targets.Layers!);
        Assert.Equal(["h"], pattern.Targets.LayersPattern);
        Assert.Equivalent(pattern, LoraConfig.FromJson(pattern.ToJson(), "c") with { Other = pattern.Other });
    }

    [Fact]
    public void The_older_pickled_form_reads_the_same()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = ReferenceData.Path("golden/llama/lora");
        File.Copy(Path.Combine(path, "adapter_config.json"), folder.File("adapter_config.json"));
        File.Copy(Path.Combine(path, "adapter_model.bin"), folder.File("adapter_model.bin"));
        var (_, expected) = AdapterFolder.Read(path);
        var (_, actual) = AdapterFolder.Read(folder.Path);
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        foreach (var (name, tensor) in expected) Tensors.AssertSame(tensor, actual[name], name);
        Assert.Contains("model.layers.0.self_attn.q_proj.lora_A.weight", actual.Keys);

        var (old, tensors) = AdapterFolder.Read(ReferenceData.Path("golden/llama_mha/lora_peft030"));
        Assert.Equal((8, 0.05), (((LoraConfig)old).Rank, ((LoraConfig)old).Dropout));
        Assert.Contains("model.layers.0.self_attn.q_proj.lora_A.weight", tensors.Keys);
    }

    [Theory]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\"r\":8}", "peft_type is absent")]
    [InlineData("{\"peft_type\":\"LORA\",\"r\":8,\"r\":9}", "not valid JSON")]
    [InlineData("{\"peft_type\":\"LORA\",\"r\":0}", "r is 0; a whole number from 1 up is needed")]
    [InlineData("{\"peft_type\":\"LORA\",\"r\":\"8\"}", "r is \"8\"")]
    [InlineData("{\"peft_type\":\"LORA\",\"lora_dropout\":2}", "lora_dropout is 2; a number from 0 to 1 is needed")]
    [InlineData("{\"peft_type\":\"LORA\",\"target_modules\":[1]}", "target_modules is 1")]
    [InlineData("{\"peft_type\":\"LORA\",\"bias\":\"some\"}", "bias is \"some\"")]
    [InlineData("{\"peft_type\":\"LORA\",\"layer_replication\":[[0,2]]}", "layer_replication is [[0,2]]")]
    [InlineData("{\"peft_type\":\"LORA\",\"use_of_tomorrow\":true}", "use_of_tomorrow is true")]
    [InlineData("{\"peft_type\":\"LORA\",\"init_lora_weights\":\"pissa_niter_4\"}", "init_lora_weights is \"pissa_niter_4\"")]
    public void A_wrong_configuration_is_refused_with_its_fault(string json, string fault)
    {
        var error = Assert.Throws<InputException>(() => LoraConfig.FromJson(json, "some/adapter_config.json"));
        Assert.StartsWith("some/adapter_config.json", error.Message);
        Assert.Contains(fault, error.Message);
    }

    [Fact]
    public void A_folder_that_is_no_adapter_or_has_no_weights_is_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("the folder does not exist", Fault(folder.File("absent")));
        Assert.Contains("has no adapter_config.json", Fault(folder.Path));
        File.WriteAllText(folder.File("adapter_config.json"), "{\"peft_type\":\"LORA\"}");
        Assert.Contains("weights are missing", Fault(folder.Path));
        AdapterFolder.Write(folder.Path, new LoraConfig(), []);
        Assert.Contains("weights are missing", Fault(folder.Path));
        Assert.Contains("--model", Fault(ReferenceData.Path("golden/llama/model")));
    }

    private static string Fault(string path) => Assert.Throws<InputException>(() => AdapterFolder.Read(path)).Message;
}
