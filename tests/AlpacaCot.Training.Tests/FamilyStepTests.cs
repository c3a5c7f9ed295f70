using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Models.Tests.Families;
using AlpacaCot.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// A step of AdamW on LoRA for every architecture: the loss falls, and on a second device losses, moments and the loss after the
/// step are those of the CPU.
/// </summary>
public sealed class FamilyStepTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<string> Folders => [.. FamilyGolden.Folders];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_step_of_AdamW(string folder)
    {
        var (before, after, moments) = Step(folder, TestDevice.Compute);
        Assert.True(after < before, $"{before} {after}");
        if (!TestDevice.IsSecond) return;
        var (wantedBefore, wantedAfter, wanted) = Step(folder, Compute.Cpu);
        Assert.Equal(wantedBefore, before, 1e-5);
        Assert.Equal(1, after / wantedAfter, 1e-3);
        Assert.Equal(wanted.Keys, moments.Keys);
        foreach (var (name, moment) in wanted) Assert.InRange(Golden.RelativeDifference(moments[name], moment), 0, 1e-4);
    }

    private static (double Before, double After, Dictionary<string, Tensor> Moments) Step(string folder, Compute compute)
    {
        var golden = new FamilyGolden(folder);
        using var opened = ModelFolder.Open(golden.Path("model"));
        using var model = ModelFamilies.Build(opened.Config, new CheckpointWeights(opened), compute: compute);
        using var adapter = AdapterMethods.Load(model, golden.Path("lora"));
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        var batch = golden.Batch(golden.Json("lora_out.json").GetProperty("loss").EnumerateObject().First().Name);
        var loss = batch.Loss(model);
        loss.backward();
        optimizer.Step(1e-3, 1);
        TestDevice.Synchronize();
        using var quiet = no_grad();
        return (loss.item<float>(), batch.Loss(model).item<float>(),
            optimizer.State.ToDictionary(s => s.Name, s => s.Tensor.cpu().clone()));
    }
}
