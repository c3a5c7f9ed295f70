using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Tests.Families;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests;

/// <summary>
/// Small models against the golden values in <c>tests/Goldens</c>, which a script computes in double precision without any
/// library; they are in the repository, so these tests need no other folder. Tolerances: logits 1e-4, losses 1e-5, gradients 1e-4
/// relative; greedy tokens and codes are equal. Each test shows that a wrong model does not pass.
/// </summary>
public sealed class OwnGoldenTests(ITestOutputHelper output) : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<string> Folders =>
        ["llama", "qwen2", "mixtral", "gemma2", "gpt2", "bloom", "gpt_neox", "chatglm2"];

    /// <summary>A family, a field of its configuration and a wrong value for it.</summary>
    public static TheoryData<string, string, double> WrongFields => new()
    {
        { "llama", "rope_theta", 1000 }, { "llama", "rms_norm_eps", 1e-2 }, { "llama", "num_hidden_layers", 1 },
        { "qwen2", "rope_theta", 1000 }, { "qwen2", "rms_norm_eps", 1e-2 },
        { "mixtral", "num_experts_per_tok", 1 }, { "mixtral", "sliding_window", 4 },
        { "gemma2", "sliding_window", 5 }, { "gemma2", "attn_logit_softcapping", 4 },
        { "gemma2", "final_logit_softcapping", 5 }, { "gemma2", "query_pre_attn_scalar", 8 },
        { "gpt2", "layer_norm_epsilon", 1e-2 }, { "gpt2", "n_layer", 1 },
        { "bloom", "layer_norm_epsilon", 1e-2 }, { "bloom", "n_head", 2 },
        { "gpt_neox", "rotary_pct", 1 }, { "gpt_neox", "rotary_emb_base", 1000 }, { "gpt_neox", "layer_norm_eps", 1e-2 },
        { "chatglm2", "rope_ratio", 1 }, { "chatglm2", "layernorm_epsilon", 1e-2 },
    };

    [Theory]
    [MemberData(nameof(Folders))]
    public void Logits_loss_and_gradients_of_every_weight(string folder)
    {
        var golden = Own(folder);
        using var model = golden.Model();
        foreach (var weight in model.Parameters.Values) weight.requires_grad_(true);
        var (logits, loss) = (golden.LogitDifference(model, "base.safetensors"), golden.LossDifference(model, "base.json"));
        var gradients = golden.GradientDifference(model, model.Parameters, "base.safetensors", name => name);
        output.WriteLine($"{folder}: logits {logits:E1}, loss {loss:E1}, gradients {gradients:E1}");
        Assert.InRange(logits, 0, 1e-4);
        Assert.InRange(loss, 0, 1e-5);
        Assert.InRange(gradients, 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(WrongFields))]
    public void Control_a_wrong_field_changes_logits_loss_and_gradients(string folder, string field, double value)
    {
        Assert.SkipWhen(TestDevice.IsSecond, "it does not depend on the device");
        var golden = Own(folder);
        using var model = golden.Model(json =>
        {
            Assert.True(json.ContainsKey(field));
            json[field] = value == Math.Floor(value) ? JsonValue.Create((int)value) : JsonValue.Create(value);
        });
        Assert.True(golden.LogitDifference(model, "base.safetensors") > 1e-3);
        Assert.True(golden.LossDifference(model, "base.json") > 1e-4);
        if (field is "num_hidden_layers" or "n_layer") return; // the dropped layer's weights have no gradients
        foreach (var weight in model.Parameters.Values) weight.requires_grad_(true);
        Assert.True(golden.GradientDifference(model, model.Parameters, "base.safetensors", name => name) > 1e-3);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Greedy_tokens_alone_and_in_a_padded_batch(string folder)
    {
        var golden = Own(folder);
        var wanted = golden.Json("base.json").GetProperty("generate");
        using var model = golden.Model();
        Assert.True(FamilyGolden.GreedyEqual(model, wanted));
        var other = golden.Json("lora_out.json").GetProperty("generate");
        Assert.False(FamilyGolden.GreedyEqual(model, other), "control: LoRA's tokens");
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Lora_logits_loss_gradients_and_greedy_tokens(string folder)
    {
        var golden = Own(folder);
        using var model = golden.Model();
        using (var adapter = AdapterMethods.Load(model, golden.Path("lora")))
        {
            var (logits, loss) =
                (golden.LogitDifference(model, "lora_out.safetensors"), golden.LossDifference(model, "lora_out.json"));
            var gradients = golden.GradientDifference(model, adapter.Parameters, "lora_out.safetensors", Golden.PeftName);
            output.WriteLine($"{folder}: LoRA logits {logits:E1}, loss {loss:E1}, gradients {gradients:E1}");
            Assert.InRange(logits, 0, 1e-4);
            Assert.InRange(loss, 0, 1e-5);
            Assert.InRange(gradients, 0, 1e-4);
            Assert.True(FamilyGolden.GreedyEqual(model, golden.Json("lora_out.json").GetProperty("generate")));
        }

        // Control: another alpha, which scales the update.
        using var broken = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(golden.Path("lora"))) File.Copy(file, broken.File(Path.GetFileName(file)));
        var config = broken.File("adapter_config.json");
        File.WriteAllText(config,
            File.ReadAllText(config).Replace("\"lora_alpha\": 4", "\"lora_alpha\": 3", StringComparison.Ordinal));
        using var wrong = AdapterMethods.Load(model, broken.Path);
        Assert.True(golden.LogitDifference(model, "lora_out.safetensors") > 1e-3);
        Assert.True(golden.LossDifference(model, "lora_out.json") > 1e-4);
        Assert.True(golden.GradientDifference(model, wrong.Parameters, "lora_out.safetensors", Golden.PeftName) > 1e-3);
    }

    [Fact]
    public void Four_bit_codes_scales_and_values()
    {
        var (golden, matrix) = Matrix();
        var nf4 = golden.GetProperty("nf4");
        using var ours = FourBitMatrix.Quantize(matrix, QuantizationType.Nf4, nf4.GetProperty("block").GetInt32(), false);
        var packed = Golden.Numbers(nf4, "packed");
        Assert.Equal(packed, Numbers(ours.Packed));
        Assert.Equal(Golden.Numbers(golden, "absmax"), Numbers(ours.Scales));
        Close(Golden.Numbers(nf4, "values"), Numbers(ours.Expand()));
        using var other = FourBitMatrix.Quantize(matrix, QuantizationType.Fp4, 64, false); // control
        Assert.NotEqual(packed, Numbers(other.Packed));
    }

    [Fact]
    public void Eight_bit_codes_scales_and_values()
    {
        var (golden, matrix) = Matrix();
        var int8 = golden.GetProperty("int8");
        using var ours = Int8Matrix.Quantize(matrix);
        var codes = Golden.Numbers(int8, "codes");
        Assert.Equal(codes, Numbers(ours.Codes));
        Assert.Equal(Golden.Numbers(golden, "absmax"), Numbers(ours.Scales));
        Close(Golden.Numbers(int8, "values"), Numbers(ours.Expand()));
        using var other = Int8Matrix.Quantize(matrix.clamp(Number(-0.15), Number(0.15))); // control
        Assert.NotEqual(codes, Numbers(other.Codes));
    }

    private static FamilyGolden Own(string folder) => new($"own/{folder}");

    private static (JsonElement Golden, Tensor Matrix) Matrix()
    {
        var golden = Golden.Json("golden/own/quantization.json");
        var shape = Golden.Numbers(golden, "shape").Select(n => (long)n).ToArray();
        return (golden, tensor(Golden.Numbers(golden, "matrix").Select(n => (float)n).ToArray(), shape));
    }

    private static double[] Numbers(Tensor values) => values.flatten().to(ScalarType.Float64).data<double>().ToArray();

    private static void Close(double[] wanted, double[] found)
    {
        Assert.Equal(wanted.Length, found.Length);
        Assert.All(wanted.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-7));
    }
}
