using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>A configuration that asks for something else than what is computed is refused, never taken for a default.</summary>
public sealed class FamilyConfigTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("model_type", "\"mamba\"", "model_type 'mamba' is not supported")]
    [InlineData("model_type", "null", "is not supported; supported are llama, bloom")]
    [InlineData("attention_sinks", "4", "'attention_sinks' is 4, an unknown field")]
    [InlineData("use_alibi", "true", "'use_alibi' is true")]
    [InlineData("quantization_config", """{"bits":4}""", "'quantization_config'")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act is 'gelu'; only 'silu'")]
    [InlineData("num_key_value_heads", "3", "4 heads, 3 key heads")]
    [InlineData("rms_norm_eps", "\"small\"", "'rms_norm_eps' is \"small\"; a number is needed")]
    [InlineData("rope_scaling", """{"type":"spiral","factor":2}""", "rope scaling type 'spiral' is unknown")]
    [InlineData("rope_scaling", """{"type":"yarn","factor":2,"mscale":0.7}""", "config.json, rope_scaling: 'mscale' is 0.7")]
    [InlineData("rope_scaling", """{"type":"longrope","short_factor":[1],"long_factor":[1]}""", "4 values each")]
    [InlineData("rope_scaling", "[2]", "'rope_scaling' is [2]; an object is needed")]
    public void Llama_refuses(string key, string value, string message)
    {
        var error = Assert.Throws<InputException>(() => Build(json => json[key] = JsonNode.Parse(value)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qwen3", "layer_types", """["full_attention","linear_attention"]""", "layer type 'linear_attention' is unknown")]
    [InlineData("qwen3", "layer_types", """["full_attention"]""", "layer_types names 1 of 2 layers")]
    [InlineData("bloom", "apply_residual_connection_post_layernorm", "true", "only 'false' is supported")]
    [InlineData("chatglm2", "rmsnorm", "false", "only 'true' is supported")]
    [InlineData("chatglm", "pre_seq_len", "4", "'pre_seq_len' is 4")]
    [InlineData("gpt2", "activation_function", "\"mish\"", "the activation 'mish' is unknown")]
    [InlineData("gemma3", "use_bidirectional_attention", "true", "only 'false' is supported")]
    [InlineData("moss", "wbits", "4", "only '32' is supported")]
    public void Others_refuse(string folder, string key, string value, string message)
    {
        var golden = new FamilyGolden(folder);
        var error = Assert.Throws<InputException>(() => golden.Model(json => json[key] = JsonNode.Parse(value)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_switched_off_or_harmless_is_no_obstacle()
    {
        using var model = Build(json =>
        {
            json["use_alibi"] = false;
            json["qk_norm"] = null;
            json["shared_experts"] = 0;
            json["attention_dropout"] = 0.1;
            json["torch_dtype"] = "float16";
        });
        Assert.Equal("llama", model.Shape.Family);
    }

    [Fact]
    public void A_checkpoint_of_the_bare_base_model_is_read_by_its_shorter_names()
    {
        var golden = new FamilyGolden("bloom");
        using var folder = ModelFolder.Open(golden.Path("model"));
        using var model = ModelFamilies.Build(folder.Config, new Bare(new CheckpointWeights(folder)));
        Assert.Contains("transformer.h.0.mlp.dense_h_to_4h", model.Linears);
        Assert.InRange(golden.LogitDifference(model, "base.safetensors"), 0, 1e-4);
    }

    private static CausalModel Build(Action<JsonObject> change)
    {
        var json = JsonNode.Parse(new TinyModel().Config)!.AsObject();
        change(json);
        return ModelFamilies.Build(JsonSerializer.SerializeToElement(json), new RandomWeights(1));
    }

    private sealed class Bare(IWeightSource whole) : IWeightSource
    {
        public IEnumerable<string> Names => whole.Names.Select(name => name["transformer.".Length..]);

        public bool Contains(string name) => whole.Contains("transformer." + name);

        public Tensor Read(string name, ReadOnlySpan<long> shape) => whole.Read("transformer." + name, shape);
    }
}
