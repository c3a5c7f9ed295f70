using System.Text.Json;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Loop;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

[Collection(nameof(WholeRuns))]
public sealed class ObjectiveTests(RunFixture fixture)
{
    private static readonly int[] First = [1, 9, 200, 31, 7, 7, 40], Second = [1, 88, 120, 5];

    [Fact]
    public void Log_probabilities_and_their_gradients_are_those_of_plain_operations()
    {
        using var scope = NewDisposeScope();
        using var model = new TinyModel().Build();
        using var adapter = Attach(model);
        var batch = MicroBatch.Of([new(First, First), new(Second, Second)]);
        var factors = tensor(Enumerable.Range(0, batch.Supervised).Select(i => i - 2.5).ToArray());
        var ours = batch.LogProbabilities(model, PassMode.Training);
        Assert.Equal((ScalarType.Float64, 1, (long)batch.Supervised), (ours.dtype, ours.dim(), ours.shape[0]));
        var (value, gradient) = Backward(ours);

        var plain = new List<Tensor>();
        foreach (var row in new[] { First, Second })
        {
            var logits = model.Logits(new ModelInput(tensor(row.Select(i => (long)i).ToArray(), [1, row.Length])))[0];
            var all = logits.to(ScalarType.Float64).log_softmax(1);
            for (var t = 1; t < row.Length; t++) plain.Add(all[t - 1, row[t]]);
        }
        var theirs = stack(plain);
        Assert.InRange((ours - theirs).abs().max().item<double>(), 0, 1e-5);
        Assert.InRange((ours - theirs.flip(0)).abs().max().item<double>(), 1e-2, 100); // control
        var (plainValue, plainGradient) = Backward(theirs);
        Assert.Equal(plainValue, value, 1e-4);
        Assert.InRange(Golden.RelativeDifference(gradient, plainGradient), 0, 1e-4);
        using (no_grad()) Assert.InRange((batch.LogProbabilities(model, PassMode.Training) - ours).abs().max().item<double>(), 0,
            1e-12);

        (double, Tensor) Backward(Tensor each)
        {
            var sum = (each * factors).sum();
            sum.backward();
            var weight = adapter.Parameters.Values.Last();
            var copy = weight.grad!.clone();
            foreach (var p in adapter.Parameters.Values) p.grad = null;
            return (sum.item<double>(), copy);
        }
    }

    [Fact]
    public void The_loss_of_supervised_tuning_is_the_cross_entropy()
    {
        using var scope = NewDisposeScope();
        using var model = new TinyModel().Build();
        using var adapter = Attach(model);
        var rows = Records().ToArray();
        var batch = MicroBatch.Of(rows);
        var ids = new long[rows.Length * batch.Length];
        List<long> positions = [], targets = [];
        foreach (var (r, row) in rows.Index())
            for (var t = 0; t < row.Ids.Length; t++)
            {
                ids[r * batch.Length + t] = row.Ids[t];
                if (t == 0 || row.Labels[t] == TokenizedExample.Ignored) continue;
                positions.Add(r * batch.Length + t - 1);
                targets.Add(row.Labels[t]);
            }
        var sum = new SupervisedTuning().Loss(new(model, adapter), batch).Sum;
        var kernel = model.NegativeLogLikelihood(new ModelInput(tensor(ids, [rows.Length, batch.Length])),
            tensor(positions.ToArray()), tensor(targets.ToArray()));
        Assert.Equal(kernel.item<float>(), sum.item<float>());
    }

    [Fact]
    public void An_objective_over_pairs_with_a_reference_is_trained_and_logged_by_its_own_file_alone()
    {
        var (metrics, validation, observed) = Train(microBatch: 4);
        Assert.Equal(["step", "epoch", "loss", "reward_margin", "accuracy", "learning_rate", "gradient_norm", "pairs",
            "total_tokens", "tokens_per_second", "resident_mb"], metrics[0].EnumerateObject().Select(p => p.Name));
        Assert.Equal(["step", "validation_loss", "validation_reward_margin", "validation_accuracy"],
            validation[0].EnumerateObject().Select(p => p.Name));
        Assert.Equal(Math.Log(2), observed[0].Loss, 1e-6); // the adapter starts as the reference
        Assert.Equal(0, observed[0].Values[1].Value, 1e-6);
        Assert.Equal(8, observed[0].Weight.Value);
        Assert.True(observed[^1].Loss < 0.5 * observed[0].Loss && observed[^1].Values[1].Value > 0.5, "it learns");
        Assert.Equal(1, observed[^1].Values[2].Value);
    }

    [Fact]
    public void Micro_batches_of_pairs_add_up_exactly()
    {
        var whole = Train(microBatch: 8).Observed;
        foreach (var (one, other) in whole.Zip(Train(microBatch: 3).Observed))
        {
            Assert.Equal(1, other.Loss / one.Loss, 1e-4);
            Assert.Equal(1, other.GradientNorm / one.GradientNorm, 1e-3);
        }
    }

    [Fact]
    public void The_recipe_word_is_checked_and_the_default_leaves_recipes_as_they_were()
    {
        Assert.Equal("supervised", new TrainingOptions().Objective);
        Assert.DoesNotContain("objective", RecipeFile.Write(fixture.Recipe()), StringComparison.Ordinal);
        var wrong = Assert.Throws<Text.InputException>(() => RecipeFile.Parse(
            $"model: {fixture.Model}\ndata: [{fixture.Data}]\noutput: x\ntraining: {{ objective: supervise }}\n", "r.yaml"));
        Assert.Contains("did you mean supervised?", wrong.Message, StringComparison.Ordinal);
    }

    private (List<JsonElement> Steps, List<JsonElement> Validations, List<StepMetrics> Observed) Train(int microBatch)
    {
        using var folder = new TemporaryFolder();
        using var model = new TinyModel().Build();
        using var adapter = Attach(model);
        var objective = new PreferenceObjective(beta: 0.5);
        var encoder = new ExampleEncoder(Tokenizer.Load(fixture.Model), PromptTemplates.Find("alpaca"),
            new EncodingOptions { CutoffLength = 256 });
        var all = new ExampleSet(EncodedDataset.From(objective.Encode(encoder, Pairs())), objective);
        Assert.Equal(20, all.Count);
        var (train, held, _, _) = all.Split(4, seed: 1);
        Assert.Equal((16, 4), (train.Count, held.Count));
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        var recorder = new Recorder();
        using (var run = RunFolder.Create(folder.File("run"), 1, PromptTemplates.Find("alpaca"), overwrite: false))
            new Trainer(new(model, adapter), objective, optimizer, new LearningRate(5e-3, LearningRateSchedule.Constant, 0, 12),
                new EpochSampler(train, new(8, microBatch, 1, 12, false, 1)), new LoopSchedule(0, 1, 1, 6, 12))
            {
                Validation = EpochSampler.Sequential(held, 4),
            }.Train(new TrainingProgress(), run, recorder, CancellationToken.None);
        var lines = File.ReadLines(folder.File("run/metrics.jsonl")).Select(line => JsonElement.Parse(line)).ToList();
        return (lines.Where(l => l.TryGetProperty("loss", out _)).ToList(),
            lines.Where(l => !l.TryGetProperty("loss", out _)).ToList(), recorder.Steps);
    }

    private IEnumerable<TokenizedExample> Records() => new SupervisedTuning().Encode(
        new ExampleEncoder(Tokenizer.Load(fixture.Model), PromptTemplates.Find("alpaca"),
            new EncodingOptions { CutoffLength = 256 }), Pairs().Take(5));

    private static IEnumerable<Conversation> Pairs() => Enumerable.Range(0, 20).Select(i =>
        Conversation.Instruction($"Say the number {i}.", "", $"The number is {i}.") with { Rejected = $"the day {i}" });

    private static Adapter Attach(CausalModel model) =>
        Lora.Attach(model, new LoraConfig { Rank = 4, Alpha = 8, TargetModules = ["q_proj", "v_proj"] }, seed: 1);
}
