using System.Text.Json;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;

namespace AlpacaCot.Training.Tests;

/// <summary>What a run needs, what fits, and what a run takes for its machine. `bench -- plan` compares with real runs.</summary>
[Collection(nameof(WholeRuns))]
public sealed class RunForecastTests(RunFixture fixture)
{
    [Fact]
    public void The_micro_batches_are_those_of_the_sampler()
    {
        var recipe = fixture.Recipe();
        var loads = RunLoad.Of(recipe).MicroBatches(4).ToList();
        Assert.Equal(2 * 5 * 2, loads.Count); // two epochs of five steps of two micro-batches
        Assert.All(loads, l => Assert.Equal(4, l.Rows));
        var one = RunLoad.Of(recipe).MicroBatches(1).ToList();
        Assert.Equal(loads.Sum(l => l.Tokens), one.Sum(l => l.Tokens));
        Assert.Equal(loads.Max(l => l.Longest), one.Max(l => l.Tokens));
        Assert.All(one, l => Assert.Equal(l.Tokens * (l.Tokens + 1) / 2, l.Pairs));
        var recorder = new Recorder();
        RunFixture.Run(recipe with { Training = recipe.Training with { MaxSteps = 1 } }, recorder);
        Assert.Equal(recorder.Steps[0].TotalTokens, loads[0].Tokens + loads[1].Tokens);
        Assert.Equal(recorder.Steps[0].Weight.Value, loads[0].Supervised + loads[1].Supervised);
    }

    [Fact]
    public void What_a_recipe_leaves_to_the_machine_is_read_and_written()
    {
        var recipe = RecipeFile.Parse("model: m\ndata: [d.json]\noutput: o\ntraining: { compute: auto, micro_batch_size: auto "
            + "}\n", "r.yaml");
        Assert.Null(recipe.Training.Arithmetic);
        Assert.True(recipe.Training.FitsMicroBatch);
        var written = RecipeFile.Write(recipe);
        Assert.Contains("compute: auto", written, StringComparison.Ordinal);
        Assert.Contains("micro_batch_size: auto", written, StringComparison.Ordinal);
        var plain = RecipeFile.Parse("model: m\ndata: [d.json]\noutput: o\n", "r.yaml");
        Assert.Equal((Arithmetic.Float32, false, 4),
            (plain.Training.Arithmetic, plain.Training.FitsMicroBatch, plain.Training.MicroBatchSize));
        // recipes of before keep their fingerprints
        Assert.DoesNotContain("compute", RecipeFile.Write(plain), StringComparison.Ordinal);
        Assert.Contains("micro_batch_size: 4", RecipeFile.Write(plain), StringComparison.Ordinal);
    }

    [Fact]
    public void More_memory_takes_larger_micro_batches_and_each_one_fits()
    {
        var recipe = fixture.Recipe() with { Training = fixture.Recipe().Training with { BatchSize = 12 } };
        var (estimate, load) = (ResourceEstimate.Of(recipe), RunLoad.Of(recipe));
        long Peak(int micro) => RunForecast.Peak(estimate, load, micro, 256);
        Assert.True(Peak(1) < Peak(2) && Peak(2) < Peak(12));
        foreach (var micro in (int[])[1, 2, 3, 4, 6, 12])
            Assert.Equal(micro, RunForecast.LargestMicroBatch(recipe, estimate, load, Peak(micro)));
        Assert.Equal(4, RunForecast.LargestMicroBatch(recipe, estimate, load, Peak(6) - 1));
        Assert.Equal(1, RunForecast.LargestMicroBatch(recipe, estimate, load, 0));
    }

    [Fact]
    public void A_run_that_does_not_fit_is_refused_with_what_would_fit()
    {
        var recipe = fixture.Recipe() with { Training = fixture.Recipe().Training with { BatchSize = 8, MicroBatchSize = 8 } };
        var (estimate, load) = (ResourceEstimate.Of(recipe), RunLoad.Of(recipe));
        var limit = RunForecast.Peak(estimate, load, 4, 256);
        var message = Assert.Throws<InputException>(() => Choices(recipe, limit)).Message;
        Assert.Contains("training.micro_batch_size=4", message, StringComparison.Ordinal);
        Assert.Contains("fits", message, StringComparison.Ordinal);
        Assert.Contains("--ignore-memory", message, StringComparison.Ordinal);
        Assert.Equal(8, Choices(recipe, limit, ignore: true).MicroBatchSize);
        Assert.Equal(8, Choices(recipe, RunForecast.Peak(estimate, load, 8, 256)).MicroBatchSize); // control
        var auto = recipe with { Training = recipe.Training with { FitsMicroBatch = true } };
        Assert.Equal(4, Choices(auto, limit).MicroBatchSize);
        Assert.Equal(2, Choices(auto, limit, new RunChoices(Arithmetic.Float32, Float32Path.Default, 2, "cpu")).MicroBatchSize);
    }

    private static RunChoices Choices(Recipe recipe, long limit, RunChoices? recorded = null, bool ignore = false)
    {
        var tokenizer = AlpacaCot.Text.Tokenization.Tokenizer.Load(recipe.Model.Path!);
        var data = PreparedData.Load(recipe, tokenizer, RecipeTemplate.Of(recipe, tokenizer).Format,
            new Objectives.SupervisedTuning());
        return MachineChoices.Of(recipe, data, Compute.Cpu, recorded, ignore, _ => { }, limit);
    }

    [Fact]
    public void What_a_run_chose_is_kept_when_it_is_resumed()
    {
        var start = fixture.Recipe();
        var whole = start with
        {
            Training = start.Training with { MicroBatchSize = 1, FitsMicroBatch = true, Arithmetic = null, MaxSteps = 4,
                SaveSteps = 1 },
        };
        RunFixture.Run(whole);
        var chosen = Chosen(whole.Output);
        Assert.Equal(8, chosen.GetProperty("micro_batch_size").GetInt32()); // all fit
        Assert.Contains(chosen.GetProperty("compute").GetString(), (string[])["fp32", "bf16", "int8"]);

        var parts = whole with { Output = whole.Output + "-parts" };
        Assert.True(RunFixture.RunUntil(parts, 2).Cancelled);
        var recorder = new Recorder();
        RunFixture.Run(parts, recorder, resume: true);
        Assert.Contains("micro_batch_size: 8, as the run began", recorder.Notes);
        Assert.Equal(RunFixture.Files(Path.Combine(whole.Output, "adapter")),
            RunFixture.Files(Path.Combine(parts.Output, "adapter")));

        // Control: what another machine had chosen is kept as well, and changes the run.
        var other = whole with { Output = whole.Output + "-other" };
        Assert.True(RunFixture.RunUntil(other, 2).Cancelled);
        var file = Path.Combine(other.Output, "run.json");
        var another = chosen.GetProperty("compute").GetString() == "int8" ? "fp32" : "int8";
        File.WriteAllText(file, File.ReadAllText(file).Replace($"\"compute\": \"{chosen.GetProperty("compute").GetString()}\"",
            $"\"compute\": \"{another}\"", StringComparison.Ordinal));
        RunFixture.Run(other, resume: true);
        Assert.Equal(another, Chosen(other.Output).GetProperty("compute").GetString());
        Assert.NotEqual(RunFixture.Files(Path.Combine(whole.Output, "adapter"))["adapter_model.safetensors"],
            RunFixture.Files(Path.Combine(other.Output, "adapter"))["adapter_model.safetensors"]);
    }

    private static JsonElement Chosen(string run)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "run.json")));
        return json.RootElement.GetProperty("chosen").Clone();
    }
}
