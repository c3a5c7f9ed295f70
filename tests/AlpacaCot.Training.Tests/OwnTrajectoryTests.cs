using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// Losses before and after each of three AdamW steps against the golden values in <c>tests/Goldens</c>, within 1e-4 relative;
/// with another rate, and without decay, they differ by more.
/// </summary>
public sealed class OwnTrajectoryTests(ITestOutputHelper output) : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("llama", "adamw_full.json")]
    [InlineData("llama", "adamw.json")]
    [InlineData("qwen2", "adamw.json")]
    [InlineData("mixtral", "adamw.json")]
    [InlineData("gemma2", "adamw.json")]
    [InlineData("gpt2", "adamw.json")]
    [InlineData("bloom", "adamw.json")]
    [InlineData("gpt_neox", "adamw.json")]
    [InlineData("chatglm2", "adamw.json")]
    public void Losses_of_three_steps(string family, string file)
    {
        var difference = Difference(family, file);
        output.WriteLine($"{family}: {difference:E1}");
        Assert.InRange(difference, 0, 1e-4);
        Assert.True(Difference(family, file, rateFactor: 1.05) > 1e-4, "control: another rate");
        Assert.True(Difference(family, file, decays: false) > 1e-4, "control: without decay");
    }

    private static double Difference(string family, string file, double rateFactor = 1, bool decays = true)
    {
        var golden = Golden.Json($"golden/own/{family}/{file}");
        var json = Golden.Json($"golden/own/{family}/inputs.json").GetProperty("cases").GetProperty("padded");
        var batch = new GoldenBatch(
            Golden.Rows(json, "input_ids"), Golden.Rows(json, "attention_mask"), Golden.Rows(json, "labels"));
        var positions = tensor(Golden.Rows(json, "position_ids").SelectMany(row => row).ToArray(), batch.IdTensor.shape);
        using var model = Golden.Model($"golden/own/{family}/model");
        using IAdapter adapter = file == "adamw_full.json"
            ? new FullTuning(model, "{}", []) : Attached(model, family);
        using var optimizer = new AdamW(adapter.Parameters,
            new AdamWOptions(WeightDecay: decays ? golden.GetProperty("weight_decay").GetDouble() : 0));
        var rate = golden.GetProperty("lr").GetDouble() * rateFactor;
        var worst = 0.0;
        foreach (var wanted in Golden.Numbers(golden, "losses"))
        {
            using var inner = NewDisposeScope();
            var loss = batch.Loss(model, positions);
            worst = Math.Max(worst, Math.Abs(loss.item<float>() - wanted) / wanted);
            loss.backward();
            optimizer.Step(rate, 1);
        }
        return worst;
    }

    private static Adapter Attached(CausalModel model, string family)
    {
        var (config, values) = AdapterFolder.Read(ReferenceData.Path($"golden/own/{family}/lora"));
        var adapter = AdapterMethods.Attach(model, config, seed: 0);
        using var quiet = no_grad();
        foreach (var (name, weight) in adapter.Parameters) weight.copy_(values[name]);
        return adapter;
    }
}
