using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>
/// Every architecture against its reference implementation. Tolerances: logits 1e-4, losses 1e-5, gradients 1e-4 relative,
/// 20-step curves 1e-3 relative; the references' own fp32 noise against fp64 is about 1e-5.
/// </summary>
public sealed class FamilyGoldenTests(ITestOutputHelper output) : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<string> Folders => [.. FamilyGolden.Folders];

    /// <summary>Those with a training curve.</summary>
    public static TheoryData<string> Curves =>
    [
        "llama", "llama_mha", "llama_mha_tied", "bloom", "bloom_6heads", "gpt_neox", "gpt_neox_seq", "gpt2", "opt", "qwen2",
        "qwen3", "mistral", "gemma", "gemma2", "phi", "phi3",
    ];

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Folders))]
    public void Logits_and_losses(string folder)
    {
        var golden = new FamilyGolden(folder);
        foreach (var config in (string[])["config.json", "config_v4.json"])
        {
            if (!golden.Has($"model/{config}")) continue;
            using var model = golden.Model(config: config);
            var (logits, loss) = (golden.LogitDifference(model, "base.safetensors"), golden.LossDifference(model, "base.json"));
            output.WriteLine($"{folder} {config}: logits {logits:E1}, loss {loss:E1}");
            Assert.InRange(logits, 0, 1e-4);
            Assert.InRange(loss, 0, 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Control_a_broken_model_is_noticed(string folder)
    {
        Assert.SkipWhen(TestDevice.IsSecond, "it does not depend on the device");
        var golden = new FamilyGolden(folder);
        foreach (var (what, change) in Broken)
        {
            var changed = false;
            using var model = golden.Model(json => changed = change(json));
            if (!changed) continue;
            var difference = golden.LogitDifference(model, "base.safetensors");
            Assert.True(difference > 1e-3, $"{what}: {difference:E1}");
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_tensor_of_the_checkpoint_is_a_parameter(string folder)
    {
        var golden = new FamilyGolden(folder);
        using var model = golden.Model();
        using var opened = ModelFolder.Open(golden.Path("model"));
        string[] tables = ["rotary_emb.inv_freq", "rotary_pos_emb.inv_freq", "attn.causal_mask"]; // computed, not learned
        Assert.Equal(opened.Entries.Keys.Where(name => !tables.Any(name.EndsWith)).Order(), model.Parameters.Keys.Order());
        Assert.All(model.Parameters, p => Assert.Equal(opened.Entries[p.Key].Shape, p.Value.shape));
        Assert.All(model.Linears, l => Assert.Same(l.Value, model.Linears[l.Value.Name]));
        Assert.Contains(model.Head, model.Linears.Values);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradients_of_every_parameter(string folder)
    {
        var golden = new FamilyGolden(folder);
        using var model = golden.Model();
        foreach (var weight in model.Parameters.Values) weight.requires_grad_(true);
        var difference = golden.GradientDifference(model, model.Parameters, "base.safetensors", name => name);
        output.WriteLine($"{folder}: gradients {difference:E1}");
        Assert.InRange(difference, 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Greedy_ids(string folder)
    {
        var golden = new FamilyGolden(folder);
        var wanted = golden.Json("base.json").GetProperty("generate");
        using var model = golden.Model();
        Assert.True(FamilyGolden.GreedyEqual(model, wanted));
        if (folder == "gemma2" || TestDevice.IsSecond) return; // the reference repeats its last token whatever the layers do
        using var broken = golden.Model(json => Drop(json));
        Assert.False(FamilyGolden.GreedyEqual(broken, wanted), "control: a dropped layer");
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Lora(string folder)
    {
        var golden = new FamilyGolden(folder);
        using var model = golden.Model();
        using var adapter = AdapterMethods.Load(model, golden.Path("lora"));
        var logits = golden.LogitDifference(model, "lora_out.safetensors");
        var loss = golden.LossDifference(model, "lora_out.json");
        var gradients = golden.GradientDifference(model, adapter.Parameters, "lora_out.safetensors", Golden.PeftName);
        output.WriteLine($"{folder}: LoRA logits {logits:E1}, loss {loss:E1}, gradients {gradients:E1}");
        Assert.InRange(logits, 0, 1e-4);
        Assert.InRange(loss, 0, 1e-5);
        Assert.InRange(gradients, 0, 1e-4);
        Assert.All(model.Parameters.Values, weight => Assert.Null(weight.grad));
        if (!TestDevice.IsSecond && golden.Json("lora_out.json").TryGetProperty("generate", out var greedy))
            Assert.True(FamilyGolden.GreedyEqual(model, greedy));

        using var quiet = no_grad();
        foreach (var (name, weight) in adapter.Parameters)
            if (name.Contains("lora_B", StringComparison.Ordinal)) weight.mul_(Number(0.9));
        Assert.True(golden.LogitDifference(model, "lora_out.safetensors") > 1e-3, "control: a wrong scale");
    }

    [Theory]
    [MemberData(nameof(Curves))]
    public void Twenty_steps_of_lora(string folder)
    {
        var golden = new FamilyGolden(folder);
        var curve = golden.Json("traj_lora.json");
        using var model = golden.Model();
        using var adapter = AdapterMethods.Load(model, golden.Path("lora"));
        Golden.Set(adapter, golden.Tensors("traj_lora_init.safetensors"));
        var order = curve.GetProperty("case_order").EnumerateArray().Select(v => golden.Batch(v.GetString()!)).ToArray();
        var (rate, decay) = (curve.GetProperty("lr").GetDouble(), curve.GetProperty("weight_decay").GetDouble());
        var moments = adapter.Parameters.Values.Select(w => (Weight: w, Mean: zeros_like(w), Square: zeros_like(w))).ToArray();
        var worst = 0.0;
        foreach (var (step, wanted) in Golden.Numbers(curve, "losses").Take(TestDevice.Tokens).Index())
        {
            var loss = order[step % order.Length].Loss(model);
            worst = Math.Max(worst, Math.Abs(loss.item<float>() - wanted) / wanted);
            loss.backward();
            using var quiet = no_grad();
            foreach (var (weight, mean, square) in moments)
            {
                var gradient = weight.grad!;
                weight.mul_(Number(1 - rate * decay));
                mean.mul_(Number(0.9)).add_(gradient, alpha: Number(0.1));
                square.mul_(Number(0.999)).addcmul_(gradient, gradient, value: Number(0.001));
                var size = (square / Number(1 - Math.Pow(0.999, step + 1))).sqrt() + Number(1e-8);
                weight.sub_(mean / size * Number(rate / (1 - Math.Pow(0.9, step + 1))));
                weight.grad = null;
            }
            TestDevice.Synchronize();
        }
        output.WriteLine($"{folder}: curve {worst:E1}");
        Assert.InRange(worst, 0, 1e-3);
    }

    [Theory]
    [InlineData("internlm", "max_position_embeddings", "ntk8")]
    [InlineData("qwen", "seq_length", "seq8_logn_ntk")]
    public void Beyond_the_trained_length(string folder, string key, string name)
    {
        var golden = new FamilyGolden(folder);
        using var model = golden.Model(json => json[key] = 8);
        using var quiet = no_grad();
        var logits = golden.Tensors("base.safetensors")[$"logits.nopad.{name}"];
        Assert.InRange(golden.Batch("nopad").LogitDifference(model, logits), 0, 1e-4);
        var loss = golden.Json("base.json").GetProperty("extra").GetProperty(name).GetProperty("loss").GetDouble();
        Assert.Equal(loss, golden.Batch("nopad").Loss(model).item<float>(), 1e-5);
        using var plain = golden.Model();
        Assert.True(golden.Batch("nopad").LogitDifference(plain, logits) > 1e-3, "control: without growth");
    }

    [Fact]
    public void Narrow_weights_that_are_stored_inputs_first_compute_in_fp32()
    {
        var golden = new FamilyGolden("gpt2");
        using var narrow = golden.Model(storage: ScalarType.BFloat16);
        using var wide = golden.Model(change: null);
        using var quiet = no_grad();
        foreach (var weight in wide.Parameters.Values.Where(w => w.dim() > 1)) weight.copy_(weight.to(ScalarType.BFloat16));
        var input = golden.Batch("rightpad").Input;
        Assert.InRange(Golden.Difference(narrow.Logits(input), wide.Logits(input)), 0, 1e-5);
    }

    private static readonly (string What, Func<JsonObject, bool> Change)[] Broken =
    [
        ("a dropped layer", Drop),
        ("another epsilon", json => Set(json, 1e-2,
            "rms_norm_eps", "layer_norm_epsilon", "layernorm_epsilon", "layer_norm_eps", "norm_epsilon")),
        ("another rotary base", json => json["rope_parameters"] is JsonObject rope
            ? Set(rope["full_attention"] as JsonObject ?? rope, 7000, "rope_theta")
            : json["rotary"] is JsonObject rotary ? Set(rotary, 7000, "base") : Set(json, 7000, "rope_theta", "rotary_emb_base")),
        ("fewer turning dimensions", json => Set(json, 4, "rotary_dim")),
        ("another window", json => json["sliding_window"] is not null && Set(json, 5, "sliding_window")),
        ("another bound", json => json["attn_logit_softcapping"] is not null && Set(json, 40, "attn_logit_softcapping")),
        ("one expert a token", json => Set(json, 1, "num_experts_per_tok")),
    ];

    private static bool Drop(JsonObject json)
    {
        if (json["layer_types"] is JsonArray types) types.RemoveAt(types.Count - 1);
        foreach (var key in (string[])["num_hidden_layers", "n_layer", "num_layers"])
            if (json[key] is { } layers) return Set(json, layers.GetValue<int>() - 1, key);
        return false;
    }

    private static bool Set(JsonObject json, double value, params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
            if (json.ContainsKey(key))
            {
                json[key] = value == Math.Floor(value) ? (int)value : value;
                return true;
            }
        return false;
    }
}
