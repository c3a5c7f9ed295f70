using System.Text.Json;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Models;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;
using AlpacaCot.Training.Loop;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Tests;

/// <summary>Whole runs on a tiny model.</summary>
[Collection(nameof(WholeRuns))]
public sealed class TrainingRunTests(RunFixture fixture)
{
    private Recipe Recipe(Func<TrainingOptions, TrainingOptions> change, string? data = null, string adapter = "lora")
    {
        var recipe = fixture.Recipe(adapter, data);
        return recipe with { Training = change(recipe.Training) };
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(3, 1, 2)] // fewer examples than a step takes
    [InlineData(8, 1, 2)]
    [InlineData(9, 2, 4)] // the last step of an epoch has one example
    public void Steps_are_right_for_any_number_of_examples(int examples, int stepsPerEpoch, int steps)
    {
        var recorder = new Recorder();
        var result = RunFixture.Run(Recipe(t => t, fixture.Records(examples)), recorder);
        Assert.Equal(steps, result.Steps);
        Assert.Equal((examples, steps), (recorder.Plan!.Examples, recorder.Plan.TotalSteps));
        Assert.Equal(Enumerable.Range(1, steps), recorder.Steps.Select(s => s.Step));
        Assert.Equal(2, recorder.Steps[^1].Epoch, 1e-9);
        // Every example once an epoch: the tokens of both epochs are equal.
        Assert.Equal(recorder.Steps.Take(stepsPerEpoch).Sum(s => s.TotalTokens),
            recorder.Steps.Skip(stepsPerEpoch).Sum(s => s.TotalTokens));
    }

    [Theory]
    [InlineData(0.5, null, 3)] // five steps an epoch
    [InlineData(3, 2, 2)]
    [InlineData(1, 12, 12)]
    public void Epochs_may_be_parts_and_steps_take_their_place(double epochs, int? maxSteps, int steps) =>
        Assert.Equal(steps, RunFixture.Run(Recipe(t => t with { Epochs = epochs, MaxSteps = maxSteps })).Steps);

    [Fact]
    public void Micro_batches_and_their_layout_do_not_change_the_loss_of_a_step()
    {
        List<StepMetrics> Steps(int size, bool packing = true)
        {
            var recorder = new Recorder();
            var recipe = Recipe(t => t with
            {
                BatchSize = 16, MicroBatchSize = size, MaxSteps = 6, LearningRate = 1e-3, Packing = packing,
            });
            RunFixture.Run(recipe with { Adapter = AdapterRecipe.Parse("{ rank: 4 }") }, recorder);
            return recorder.Steps;
        }
        var whole = Steps(16);
        foreach (var (size, packing) in (ReadOnlySpan<(int, bool)>)[(1, true), (4, true), (5, true), (16, false), (5, false)])
            foreach (var (one, other) in whole.Zip(Steps(size, packing)))
            {
                Assert.Equal(1, other.Loss / one.Loss, 1e-6);
                Assert.Equal(1, other.GradientNorm / one.GradientNorm, 1e-5);
                Assert.Equal((one.Weight, one.TotalTokens), (other.Weight, other.TotalTokens));
            }
    }

    [Theory]
    [InlineData("lora", "adapter", "adapter_model.safetensors")]
    [InlineData("none", "model", "model.safetensors")]
    public void A_run_learns_and_leaves_everything_that_repeats_and_uses_it(string adapter, string result, string weights)
    {
        var recorder = new Recorder();
        var recipe = Recipe(t => t with { Epochs = 4, ValidationSize = 6, SaveSteps = 2, SaveTotalLimit = 3 }, adapter: adapter);
        var outcome = RunFixture.Run(recipe, recorder);
        Assert.True(recorder.Validations[^1].Loss < 0.8 * recorder.Validations[0].Loss);
        Assert.Equal(0, recorder.Validations[0].Step);
        Assert.Equal(recorder.Validations.Min(v => v.Loss), outcome.BestValidationLoss);
        Assert.Equal(Path.Combine(recipe.Output, result), outcome.OutputFolder);

        string[] files = ["recipe.yaml", "run.json", "metrics.jsonl", $"best/{weights}", $"{result}/{weights}",
            $"{result}/{LanguageModel.TemplateFile}", $"best/{LanguageModel.TemplateFile}",
            $"checkpoints/step-000020/{LanguageModel.TemplateFile}"];
        Assert.All(files, file => Assert.True(File.Exists(Path.Combine(recipe.Output, file)), file));
        var checkpoints = Directory.GetDirectories(Path.Combine(recipe.Output, "checkpoints"))
            .Select(d => Path.GetFileName(d)!).Order();
        Assert.Equal(["step-000016", "step-000018", "step-000020"], checkpoints);
        Assert.Equal(recorder.Checkpoints.Count, recorder.Checkpoints.Distinct().Count());
        Assert.Empty(Directory.GetFileSystemEntries(recipe.Output, "*.partial", SearchOption.AllDirectories));

        // What was saved is what was trained: the model loaded again has the last validation loss's weights.
        using var loaded = adapter == "none" ? LanguageModel.Load(outcome.OutputFolder)
            : LanguageModel.Load(fixture.Model, recipe.Output);
        Assert.Equal("alpaca", loaded.Template.Name);
        Assert.NotEmpty(loaded.Generator.GenerateBatch([[1, 5, 9]], new() { MaxNewTokens = 3, EndTokens = [] })[0]);
        var again = RecipeFile.Parse(File.ReadAllText(Path.Combine(recipe.Output, "recipe.yaml")), "recipe.yaml");
        Assert.Equal(recipe.Training, again.Training);
    }

    [Fact]
    public void A_recipe_may_describe_a_mixture_whose_fingerprint_stays_in_the_run_folder()
    {
        string Fingerprint(Recipe recipe, int examples)
        {
            var recorder = new Recorder();
            RunFixture.Run(recipe, recorder);
            Assert.Equal(examples, recorder.Plan!.Examples);
            using var run = JsonDocument.Parse(File.ReadAllText(Path.Combine(recipe.Output, "run.json")));
            Assert.Equal(examples, run.RootElement.GetProperty("mixture").EnumerateArray().Sum(part =>
                part.GetProperty("taken").GetInt32()));
            var again = RecipeFile.Parse(File.ReadAllText(Path.Combine(recipe.Output, "recipe.yaml")), "recipe.yaml");
            Assert.Equal(recipe.Mixture, again.Mixture);
            return run.RootElement.GetProperty("mixture_sha256").GetString()!;
        }
        DataSpec[] parts = [new() { Path = fixture.Records(24), Share = 0.75 },
            new() { Path = fixture.Records(10), Share = 0.25, Epochs = 2 }];
        Recipe Mixed(MixtureOrder order, int seed) => Recipe(t => t with { MaxSteps = 1, Seed = seed }) with
        {
            Data = parts, Mixture = new MixtureSpec { Order = order },
        };
        var shuffled = Fingerprint(Mixed(MixtureOrder.Shuffle, 1), 32);
        Assert.Equal(shuffled, Fingerprint(Mixed(MixtureOrder.Shuffle, 1), 32));
        Assert.Equal(4, new[] { shuffled, Fingerprint(Mixed(MixtureOrder.Shuffle, 2), 32),
            Fingerprint(Mixed(MixtureOrder.Interleave, 1), 32), Fingerprint(Mixed(MixtureOrder.Sequence, 1), 32) }
            .Distinct().Count());
    }

    [Fact]
    public void TensorBoard_reads_the_events()
    {
        var recorder = new Recorder();
        var recipe = Recipe(t => t with { MaxSteps = 3, ValidationSize = 4 });
        RunFixture.Run(recipe, recorder);
        var scalars = Directory.GetFiles(Path.Combine(recipe.Output, "tensorboard")).SelectMany(EventFile.Scalars).ToList();
        Assert.Equal(recorder.Steps.Select(s => ("train/loss", (long)s.Step, (float)s.Loss)),
            scalars.Where(s => s.Tag == "train/loss"));
        Assert.Equal(recorder.Validations.Select(v => ("validation/loss", (long)v.Step, (float)v.Loss)),
            scalars.Where(s => s.Tag == "validation/loss"));
    }

    [Fact]
    public void A_run_that_diverges_stops_and_names_the_learning_rate()
    {
        var recipe = Recipe(t => t with { Epochs = 10, LearningRate = 1e9, Schedule = LearningRateSchedule.Constant });
        var failure = Assert.Throws<TrainingFailedException>(() => RunFixture.Run(recipe));
        Assert.Contains("training.learning_rate", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(recipe.Output, "adapter")));
    }

    [Fact]
    public void Examples_whose_answers_are_cut_away_are_reported_or_refused()
    {
        var recipe = Recipe(t => t with { CutoffLength = 20 });
        Assert.Contains("training.cutoff_length", Assert.Throws<InputException>(() => RunFixture.Run(recipe)).Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(recipe.Output));

        var nothing = new Text.Examples.TokenizedExample([1, 2, 3], [-100, -100, -100]);
        using var folder = new TemporaryFolder();
        using var run = RunFolder.Create(folder.File("run"), 1, PromptTemplates.Find("alpaca"), overwrite: false);
        using var model = new TinyModel().Build();
        using var adapter = Models.Adapters.Lora.Attach(model, new() { Rank = 2, TargetModules = ["q_proj"] }, 0);
        using var optimizer = new Optimizers.AdamW(adapter.Parameters, new());
        var objective = new Objectives.SupervisedTuning();
        var sampler = new Batching.EpochSampler(
            new(Data.Preparation.EncodedDataset.From([nothing]), objective), new(1, 1, 1, null, true, 0));
        var trainer = new Trainer(new(model, adapter), objective, optimizer, new(1e-3, LearningRateSchedule.Constant, 0, 1),
            sampler,
            new(1, 0, 1, 1, 1));
        var failure = Assert.Throws<TrainingFailedException>(
            () => trainer.Train(new TrainingProgress(), run, new Recorder(), CancellationToken.None));
        Assert.Contains("no token of this step is supervised", failure.Message, StringComparison.Ordinal);
    }
}
