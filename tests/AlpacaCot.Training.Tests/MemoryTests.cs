using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Templates;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Loop;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;
using TorchSharp;

namespace AlpacaCot.Training.Tests;

[Collection(nameof(WholeRuns))]
[Trait("level", "full")]
public sealed class MemoryTests
{
    private static readonly string[] FullSize = ["lora", "none"];

    /// <summary>Two at a size where pages count, then every method where tensors do.</summary>
    public static TheoryData<string, string, string, bool> Cases()
    {
        var cases = new TheoryData<string, string, string, bool>();
        foreach (var method in FullSize) cases.Add(method, "llama", "none", true);
        foreach (var (method, family, form) in MethodCases.All().Select(row => row.Data)) cases.Add(method, family, form, false);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Three_hundred_steps_of_varied_length_need_no_more_memory_than_thirty(
        string method, string family, string form, bool large)
    {
        using var folder = new TemporaryFolder();
        var tiny = large ? new TinyModel(Vocabulary: 600, Hidden: 64, Layers: 3)
            : new TinyModel(Vocabulary: 60, Hidden: 16, Layers: 1,
            Family: family);
        using var model = tiny.Build(quantization: QuantizationOptions.Parse(form));
        var recipe = MethodCases.Recipe(method == "none" ? "lora" : method);
        if (method == "lora") recipe = recipe with { Config = recipe.Config! with { Targets = Targets.Of(Lora.AllLinear) } };
        using IAdapter adapter = method == "none" ? new FullTuning(model, tiny.Config, []) : AdapterMethods.Attach(model,
            recipe.Complete(new AdapterSetup(model, 1, _ => [3, 4, 5]))!, 1);
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        var (tensors, kept, resident) = (new List<long>(), new List<long>(), new List<long>());
        var observer = new Recorder
        {
            OnStep = m =>
            {
                if (m.Step >= 3) tensors.Add(torch.Tensor.TotalCount);
                if (m.Step % (large ? 10 : 30) != 0 || m.Step < 30) return;
                Collect();
                kept.Add(torch.Tensor.TotalCount);
                Platform.TrimMemory();
                resident.Add(Platform.ResidentBytes);
            },
        };
        Collect();   // what earlier tests left to finalizers must not vanish while this one counts
        using (var run = RunFolder.Create(folder.File("run"), 1, PromptTemplates.Find("alpaca"), overwrite: false))
            new Trainer(new TrainedModel(model, adapter), new SupervisedTuning(), optimizer,
                new LearningRate(1e-3, LearningRateSchedule.Constant, 0, 300),
                    new AnyLength(300, tiny.Vocabulary, large ? 256 : 24),
                new LoopSchedule(1, 0, large ? 1 : 5, 300, 300)).Train(new TrainingProgress(), run, observer,
                CancellationToken.None);
        Assert.Equal(large ? 300 : 60, observer.Steps.Count);
        var third = kept.Count / 3;
        Assert.InRange(kept[^third..].Max() - kept[..third].Max(), long.MinValue, 2);   // a tensor lost each step would be 180
        Assert.InRange(tensors.Max(), kept.Min(), kept.Max() + 2);   // nothing waits for a finalizer
        // A leak grows to the end; pages that the runtime itself touches late on a busy machine come early.
        Assert.InRange(resident[^third..].Max() / (double)resident[..third].Max(), 0.5, 1.03);
        var before = torch.Tensor.TotalCount; // control: the count sees a single tensor that is not disposed
        using (torch.zeros(1)) Assert.Equal(before + 1, torch.Tensor.TotalCount);
    }

    internal static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    /// <summary>Steps of two micro-batches, each of another length.</summary>
    private sealed class AnyLength(int steps, int vocabulary, int longest) : IBatchSampler
    {
        public int TotalSteps => steps;

        public int StepsPerEpoch => steps;

        public IReadOnlyList<MicroBatch> Step(int step) => [Batch(2 * step), Batch(2 * step + 1)];

        private MicroBatch Batch(int n)
        {
            var length = 8 + n * 97 % (longest - 7);
            int[] ids = [1, .. Enumerable.Range(1, length - 1).Select(i => (i * 31 + n) % vocabulary)];
            return MicroBatch.Of([new(ids, ids), new(ids[..(length / 2)], ids[..(length / 2)])]);
        }
    }
}
