using AlpacaCot.Data.Templates;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Native;
using AlpacaCot.Tests;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Runs;
using TorchSharp;

namespace AlpacaCot.Training.Tests;

[Collection(nameof(WholeRuns))]
public sealed class MemoryTests
{
    [Theory]
    [InlineData("lora")]
    [InlineData("none")]
    public void Three_hundred_steps_of_varied_length_need_no_more_memory_than_thirty(string method)
    {
        using var folder = new TemporaryFolder();
        var tiny = new TinyModel(Vocabulary: 600, Hidden: 64, Layers: 3);
        using var model = tiny.Build();
        using IAdapter adapter = method == "none" ? new FullTuning(model, tiny.Config, []) : Lora.Attach(model,
            new LoraConfig { Rank = 8, Alpha = 16, Dropout = 0.1, TargetPattern = Lora.AllLinear }, seed: 1);
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        var (tensors, kept, resident) = (new List<long>(), new List<long>(), new List<long>());
        var observer = new Recorder
        {
            OnStep = m =>
            {
                if (m.Step >= 3) tensors.Add(torch.Tensor.TotalCount);
                if (m.Step % 10 != 0 || m.Step < 30) return;
                Collect();
                kept.Add(torch.Tensor.TotalCount);
                Platform.TrimMemory();
                resident.Add(Platform.ResidentBytes);
            },
        };
        Collect();   // what earlier tests left to finalizers must not vanish while this one counts
        using (var run = RunFolder.Create(folder.File("run"), 1, PromptTemplates.Find("alpaca"), overwrite: false))
            new Trainer(model, adapter, optimizer, new LearningRate(1e-3, "constant", 0, 300), new AnyLength(300), [],
                new TrainerOptions(1, 0, 1, 300, 100), run, observer).Train(new TrainingProgress(), CancellationToken.None);
        Assert.Equal(300, observer.Steps.Count);
        Assert.InRange(kept[^10..].Max() - kept[..10].Max(), long.MinValue, 8);   // a tensor lost each step would be 180
        Assert.InRange(tensors.Max(), kept.Min(), kept.Max() + 8);   // a few may wait for a finalizer, none of each step
        // A leak grows to the end; pages that the runtime itself touches late on a busy machine come early.
        Assert.InRange(resident[^10..].Max() / (double)resident[..10].Max(), 0.5, 1.03);
        var before = torch.Tensor.TotalCount; // control: the count sees a single tensor that is not disposed
        using (torch.zeros(1)) Assert.Equal(before + 1, torch.Tensor.TotalCount);
    }

    internal static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    /// <summary>Steps of two micro-batches, each of another length between 8 and 256 tokens.</summary>
    private sealed class AnyLength(int steps) : IStepPlan
    {
        public int TotalSteps => steps;

        public int StepsPerEpoch => steps;

        public IReadOnlyList<MicroBatch> Step(int step) => [Batch(2 * step), Batch(2 * step + 1)];

        private static MicroBatch Batch(int n)
        {
            var length = 8 + n * 97 % 249;
            int[] ids = [.. Enumerable.Range(0, length).Select(i => (i * 31 + n) % 600)];
            return MicroBatch.Of([new(ids, ids), new(ids[..(length / 2)], ids[..(length / 2)])]);
        }
    }
}
