using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>
/// LLaMA against the reference implementation. Tolerances: logits 1e-4, loss 1e-5, gradients 1e-4 relative; the reference's
/// own fp32 noise against fp64 is below 1e-5.
/// </summary>
public sealed class LlamaGoldenTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("llama", "config.json", "nopad")]
    [InlineData("llama", "config_v4.json", "rightpad")]
    [InlineData("llama", "config.json", "leftpad")]
    [InlineData("llama_mha", "config.json", "rightpad")]
    [InlineData("llama_mha", "config_v4.json", "leftpad")]
    [InlineData("llama_mha_tied", "config.json", "rightpad")]
    [InlineData("llama_mha_tied", "config.json", "leftpad")]
    public void Logits_and_loss(string name, string config, string batchName)
    {
        using var model = Golden.Model($"golden/{name}/model", config: config);
        var batch = Golden.Batch(batchName);
        var golden = Golden.Tensors($"golden/{name}/base.safetensors");
        Assert.True(LogitDifference(model, batch, golden[$"logits.{batchName}"]) < 1e-4);
        var loss = Golden.Json($"golden/{name}/base.json").GetProperty("loss").GetProperty(batchName).GetDouble();
        Assert.Equal(loss, batch.Loss(model).item<float>(), 1e-5);
    }

    [Theory]
    [InlineData("another epsilon")]
    [InlineData("another rotary base")]
    [InlineData("a dropped layer")]
    [InlineData("fewer key-value heads")]
    public void Control_a_broken_model_is_noticed(string what)
    {
        using var model = Golden.Model("golden/llama/model", json =>
        {
            if (what == "another epsilon") json["rms_norm_eps"] = 1e-3;
            if (what == "another rotary base")
                json["rope_parameters"] = new JsonObject { ["rope_theta"] = 9000, ["rope_type"] = "default" };
            if (what == "a dropped layer") json["num_hidden_layers"] = 1;
            if (what == "fewer key-value heads") json["num_attention_heads"] = 4;
        });
        if (what == "fewer key-value heads") // the heads' grouping is the one thing a shape check cannot see
            (model.Linears["model.layers.0.self_attn.k_proj"].Weight, model.Linears["model.layers.0.self_attn.v_proj"].Weight) =
                (model.Linears["model.layers.0.self_attn.v_proj"].Weight,
                    model.Linears["model.layers.0.self_attn.k_proj"].Weight);
        var golden = Golden.Tensors("golden/llama/base.safetensors");
        Assert.True(LogitDifference(model, Golden.Batch("nopad"), golden["logits.nopad"]) > 1e-3);
    }

    [Fact]
    public void Gradients_of_every_parameter()
    {
        using var model = Golden.Model("golden/llama/model");
        foreach (var weight in model.Parameters.Values) weight.requires_grad_(true);
        Golden.Batch("rightpad").Loss(model).backward();
        TestDevice.Synchronize();
        var golden = Golden.Tensors("golden/llama/base.safetensors");
        foreach (var (name, weight) in model.Parameters)
            Assert.True(Golden.RelativeDifference(weight.grad!, golden[$"grad.rightpad.{name}"]) < 1e-4, name);
    }

    [Theory]
    [InlineData("llama/lora", "llama")]
    [InlineData("llama_mha/lora", "llama_mha")]
    [InlineData("llama_mha/lora_peft030", "llama_mha")]
    [InlineData("llama_mha_tied/lora", "llama_mha_tied")]
    public void Lora_logits_loss_gradients_and_only_the_adapter_learns(string adapterFolder, string name)
    {
        using var model = Golden.Model($"golden/{name}/model");
        using var adapter = AdapterMethods.Load(model, ReferenceData.Path($"golden/{adapterFolder}"));
        var golden = Golden.Tensors($"golden/{name}/lora_out.safetensors");
        var losses = Golden.Json($"golden/{name}/lora_out.json").GetProperty("loss");
        foreach (var logits in golden.Where(g => g.Key.StartsWith("logits.", StringComparison.Ordinal)))
        {
            var batch = Golden.Batch(logits.Key["logits.".Length..]);
            using (no_grad()) Assert.True(LogitDifference(model, batch, logits.Value) < 1e-4);
        }
        // Dropout is for training; the reference computed its gradients without.
        if (adapterFolder.EndsWith("peft030", StringComparison.Ordinal)) return;
        var loss = Golden.Batch("rightpad").Loss(model);
        Assert.Equal(losses.GetProperty("rightpad").GetDouble(), loss.item<float>(), 1e-5);
        loss.backward();
        foreach (var (parameter, weight) in adapter.Parameters)
            if (golden.TryGetValue("grad.rightpad." + Golden.PeftName(parameter), out var gradient))
                Assert.True(Golden.RelativeDifference(weight.grad!, gradient) < 1e-4, parameter);
        Assert.All(model.Parameters.Values, weight => Assert.Null(weight.grad));
    }

    [Fact]
    public void Control_a_wrong_lora_scale_is_noticed()
    {
        using var model = Golden.Model("golden/llama/model");
        using var adapter = AdapterMethods.Load(model, ReferenceData.Path("golden/llama/lora"));
        using (no_grad()) foreach (var b in adapter.Parameters.Where(p => p.Key.Contains("lora_B", StringComparison.Ordinal)))
            b.Value.mul_(Number(0.95));
        var golden = Golden.Tensors("golden/llama/lora_out.safetensors");
        Assert.True(LogitDifference(model, Golden.Batch("nopad"), golden["logits.nopad"]) > 1e-3);
    }

    [Theory]
    [InlineData("default_theta_500")]
    [InlineData("linear_2")]
    [InlineData("dynamic_2")]
    [InlineData("yarn_4")]
    [InlineData("llama3")]
    public void Rope_scaling(string kind)
    {
        var golden = Golden.Json("golden/llama/rope_scaling.json").GetProperty(kind);
        var logits = Golden.Tensors("golden/llama/rope_scaling.safetensors")[$"logits.nopad.{kind}"];
        using var model = Golden.Model("golden/llama/model", json =>
        {
            json["rope_parameters"] = JsonNode.Parse(golden.GetProperty("rope_parameters").GetRawText());
            json["max_position_embeddings"] = golden.GetProperty("max_position_embeddings").GetInt32();
        });
        var all = Golden.Batch("nopad");
        var row = new GoldenBatch([all.Ids[0]], [all.Mask[0]], [all.Labels[0]]);
        using (no_grad()) Assert.True(LogitDifference(model, row, logits) < 1e-4);
        Assert.Equal(golden.GetProperty("loss").GetDouble(), all.Loss(model).item<float>(), 1e-5);
        using var plain = Golden.Model("golden/llama/model");
        Assert.True(LogitDifference(plain, row, logits) > 1e-3, "control: without scaling the logits differ");
    }

    [Theory]
    [InlineData("golden/llama_mha/model_sharded", "golden/llama_mha/model", 0)]
    [InlineData("data/derived/stories260K-hf-sharded", "data/derived/stories260K-hf", 0.02)] // the shards are fp16
    public void Sharded_checkpoint_gives_the_same_logits(string sharded, string whole, double tolerance)
    {
        using var a = Golden.Model(sharded);
        using var b = Golden.Model(whole);
        using var quiet = no_grad();
        var ids = Golden.Batch("nopad").IdTensor;
        Assert.InRange(Golden.Difference(a.Logits(new ModelInput(ids)), b.Logits(new ModelInput(ids))), 0, tolerance);
    }

    [Fact]
    public void Half_precision_weights_stay_narrow_and_compute_in_fp32()
    {
        using var narrow = Golden.Model("golden/llama_mha/model_bf16");
        using var wide = Golden.Model("golden/llama_mha/model_bf16", storage: ScalarType.Float32);
        Assert.Equal(ScalarType.BFloat16, narrow.Linears["model.layers.0.mlp.up_proj"].Weight.dtype);
        var batch = Golden.Batch("rightpad");
        using (no_grad()) Assert.Equal(0, Golden.Difference(narrow.Logits(batch.Input), wide.Logits(batch.Input)));

        // Gradients flow through the narrow weights to an adapter below them.
        var config = new LoraConfig { Rank = 4, TargetModules = ["q_proj"] };
        using var one = Lora.Attach(narrow, config, seed: 1);
        using var two = Lora.Attach(wide, config, seed: 1);
        batch.Loss(narrow).backward();
        batch.Loss(wide).backward();
        TestDevice.Synchronize();
        foreach (var (name, weight) in one.Parameters)
            Assert.True(Golden.RelativeDifference(weight.grad!, two.Parameters[name].grad!) <= 1e-6
                || weight.grad!.abs().max().item<float>() == 0, name);

        // bf16 keeps 8 bits: the rounded model stays near the fp32 reference, which a wrong one would not.
        var golden = Golden.Tensors("golden/llama_mha/base.safetensors")["logits.rightpad"];
        using (no_grad()) Assert.InRange(LogitDifference(narrow, batch, golden), 1e-6, 0.2);
    }

    [Theory]
    [InlineData("bf16", 0.15)]
    [InlineData("fp16", 0.02)]
    public void Rounded_weights_stay_near_the_half_precision_reference(string type, double tolerance)
    {
        // The reference also computes in the narrow type; the difference is its rounding, not ours.
        using var model = Golden.Model("golden/llama/model", storage: type == "bf16" ? ScalarType.BFloat16 : ScalarType.Float16);
        var logits = Golden.Tensors("golden/llama/half.safetensors")[$"logits.nopad.{type}"];
        var all = Golden.Batch("nopad");
        using (no_grad()) Assert.InRange(
            LogitDifference(model, new GoldenBatch([all.Ids[0]], [all.Mask[0]], [all.Labels[0]]), logits), 0, tolerance);
        var loss = Golden.Json("golden/llama/half.json").GetProperty(type).GetProperty("loss").GetDouble();
        Assert.Equal(loss, all.Loss(model).item<float>(), 5e-3);
    }

    private static double LogitDifference(CausalModel model, GoldenBatch batch, Tensor golden)
    {
        var real = batch.Present[.., .., TensorIndex.None].to(ScalarType.Float32);
        return Golden.Difference(model.Logits(batch.Input).cpu() * real, golden * real);
    }
}
