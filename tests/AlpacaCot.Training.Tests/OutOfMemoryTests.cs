using System.Runtime.InteropServices;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Loop;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;

#pragma warning disable CA2201 // the exceptions that libtorch and the runtime throw

namespace AlpacaCot.Training.Tests;

/// <summary>A step in which memory runs out is repeated with smaller micro-batches and has the same result.</summary>
[Collection(nameof(WholeRuns))]
public sealed class OutOfMemoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(3), InlineData(1)]
    public void The_step_is_repeated_with_halves_and_has_the_same_result(int rows)
    {
        var (whole, scarce) = (Run("whole", int.MaxValue), Run("scarce", rows));
        Assert.Equal(whole.Steps.Select(s => s.Weight), scarce.Steps.Select(s => s.Weight));
        foreach (var (a, b) in whole.Steps.Zip(scarce.Steps))
        {
            Assert.Equal(a.Loss, b.Loss, 1e-5);
            Assert.Equal(1, b.GradientNorm / a.GradientNorm, 1e-4);
        }
        Assert.Empty(whole.Notes);
        Assert.Equal(rows == 3 ? 1 : 2, scarce.Notes.Count); // once; later steps begin with the size that fits
        Assert.Contains("step 1: memory ran out with 4 examples in a micro-batch", scarce.Notes[0], StringComparison.Ordinal);
        var progress = File.ReadAllText(Path.Combine(_folder.File("scarce"), "checkpoints", "step-000003", "progress.json"));
        Assert.Contains($"\"Halvings\":{(rows == 3 ? 1 : 2)}", progress, StringComparison.Ordinal);
        // Control: without the examples of the other half the gradient is another.
        Assert.True(Math.Abs(whole.Steps[0].GradientNorm / whole.Steps[1].GradientNorm - 1) > 1e-3);
    }

    [Fact]
    public void A_single_example_that_does_not_fit_ends_the_run_with_the_remedies()
    {
        var failed = Assert.Throws<TrainingFailedException>(() => Run("none", 0));
        Assert.Contains("gradient_checkpointing", failed.Message, StringComparison.Ordinal);
        Assert.Contains("single example", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_errors_are_not_taken_for_it()
    {
        Assert.True(AllocationFailure.Is(new OutOfMemoryException()));
        Assert.True(AllocationFailure.Is(new ExternalException("DefaultCPUAllocator: can't allocate memory: you tried to")));
        Assert.False(AllocationFailure.Is(new ExternalException("mat1 and mat2 shapes cannot be multiplied")));
        Assert.False(AllocationFailure.Is(new InvalidOperationException("out of memory")));
    }

    private Recorder Run(string name, int rows)
    {
        using var model = new TinyModel().Build();
        using var adapter = Lora.Attach(model, new LoraConfig { Rank = 4, Alpha = 8, TargetPattern = Lora.AllLinear }, seed: 1);
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        var recorder = new Recorder();
        using var run = RunFolder.Create(_folder.File(name), 1, PromptTemplates.Find("alpaca"), overwrite: false);
        new Trainer(new TrainedModel(model, adapter) { Packs = true }, new Scarce(rows), optimizer,
            new LearningRate(1e-3, LearningRateSchedule.Constant, 0, 3), new TwoBatches(), new LoopSchedule(1, 0, 1, 3, 3))
        {
            Note = recorder.Notes.Add,
        }.Train(new TrainingProgress(), run, recorder, CancellationToken.None);
        return recorder;
    }

    /// <summary>Has no memory for the second micro-batch of more than so many rows, after the first one added to the
    /// gradients.</summary>
    private sealed class Scarce(int rows) : IObjective
    {
        private readonly SupervisedTuning _inner = new();
        private int _large;

        public string WeightName => _inner.WeightName;

        public string EmptyStep => _inner.EmptyStep;

        public IEnumerable<TokenizedExample> Encode(ExampleEncoder encoder, IEnumerable<Conversation> conversations) => [];

        public int Weight(MicroBatch batch) => _inner.Weight(batch);

        public ObjectiveLoss Loss(TrainedModel trained, MicroBatch batch) => batch.Rows > rows && _large++ % 2 == 1
            ? throw new ExternalException("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you "
                + "tried to "
                + "allocate 1 bytes. Error code 12 (Cannot allocate memory)") : _inner.Loss(trained, batch);
    }

    private sealed class TwoBatches : IBatchSampler
    {
        public int TotalSteps => 3;

        public int StepsPerEpoch => 3;

        public IReadOnlyList<MicroBatch> Step(int step) => [Batch(step, 0), Batch(step, 1)];

        private static MicroBatch Batch(int step, int micro) => MicroBatch.Of([.. Enumerable.Range(0, 4).Select(row =>
        {
            int[] ids = [1, .. Enumerable.Range(0, 5 + row + micro)
                .Select(i => 3 + (i * 31 + step * 7 + micro * 5 + row * 3) % 290)];
            return new TokenizedExample(ids, ids);
        })]);
    }
}
