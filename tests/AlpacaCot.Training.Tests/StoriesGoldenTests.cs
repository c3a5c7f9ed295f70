using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Training.Optimizers;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// Tuning a model trained on real text, against an independent computation in fp64 whose gradients come from finite differences
/// (exact to about 1e-8) and not from any automatic differentiation.
/// </summary>
public sealed class StoriesGoldenTests : IDisposable
{
    private const string Folder = "data/derived/stories260K-hf", Tuned = "data/derived/stories260K-lora-golden";
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Three_steps_of_AdamW_on_lora()
    {
        var golden = Golden.Json($"{Tuned}/golden.json");
        using var model = Golden.Model(Folder);
        using var adapter = AdapterMethods.Load(model, ReferenceData.Path($"{Tuned}/adapter_init"));
        var input = new ModelInput(tensor([.. Ints(golden, "ids").Select(i => (long)i)]).unsqueeze(0));
        AssertLastLogits(model, input, golden, "last_position_logits_init");

        var options = golden.GetProperty("adamw");
        using var optimizer = new AdamW(adapter.Parameters,
            new AdamWOptions(Epsilon: options.GetProperty("eps").GetDouble(),
                WeightDecay: options.GetProperty("weight_decay").GetDouble()));
        var (losses, norms) = (Golden.Numbers(golden, "loss_before_step"), Golden.Numbers(golden, "grad_norm"));
        for (var step = 0; step < 3; step++)
        {
            var loss = Loss(model, input, Ints(golden, "labels"));
            Assert.Equal(losses[step], loss.item<float>(), 1e-5);
            if (step == 0) // control: other labels
                Assert.NotEqual(losses[0], Loss(model, input, Ints(golden, "ids")).item<float>(), 1e-2);
            loss.backward();
            Assert.Equal(1, optimizer.GradientNorm(1) / norms[step], 1e-4);
            var gradients = Golden.Tensors($"{Tuned}/grad_step{step}.safetensors");
            foreach (var (name, weight) in adapter.Parameters)
                Assert.True(Golden.RelativeDifference(weight.grad!, gradients["base_model.model." + name]) < 1e-4,
                    $"step {step}: {name}");
            optimizer.Step(options.GetProperty("lr").GetDouble(), 1);
        }
        Assert.Equal(golden.GetProperty("loss_after_last_step").GetDouble(),
            Loss(model, input, Ints(golden, "labels")).item<float>(), 1e-5);
        AssertLastLogits(model, input, golden, "last_position_logits_final");

        using var fresh = Golden.Model(Folder);
        using var saved = AdapterMethods.Load(fresh, ReferenceData.Path($"{Tuned}/adapter_after_step3"));
        foreach (var (name, weight) in adapter.Parameters)
            Assert.True(Golden.RelativeDifference(weight, saved.Parameters[name]) < 1e-4, name);
        AssertLastLogits(fresh, input, golden, "last_position_logits_final");
        using var quiet = no_grad();
        foreach (var (name, weight) in saved.Parameters)
            if (name.Contains("lora_B", StringComparison.Ordinal)) weight.mul_(Number(0.99));
        Assert.True(LastLogitDifference(fresh, input, golden, "last_position_logits_final") > 1e-3, "control: a wrong scale");
    }

    private static void AssertLastLogits(CausalModel model, ModelInput input, JsonElement golden, string key) =>
        Assert.InRange(LastLogitDifference(model, input, golden, key), 0, 1e-4);

    private static double LastLogitDifference(CausalModel model, ModelInput input, JsonElement golden, string key)
    {
        using var quiet = no_grad();
        var last = model.Logits(input).select(1, input.Ids.shape[1] - 1).flatten();
        return Golden.Difference(last, tensor(Golden.Numbers(golden, key)).to(ScalarType.Float32));
    }

    // Mean over labels; the first label has no token before it.
    private static Tensor Loss(CausalModel model, ModelInput input, int[] labels)
    {
        long[] places = [.. Enumerable.Range(1, labels.Length - 1).Where(t => labels[t] != -100).Select(t => t - 1L)];
        return model.NegativeLogLikelihood(input, tensor(places),
            tensor([.. places.Select(p => (long)labels[p + 1])])) / Number(places.Length);
    }

    private static int[] Ints(JsonElement json, string key) =>
        [.. json.GetProperty(key).EnumerateArray().Select(v => v.GetInt32())];
}
