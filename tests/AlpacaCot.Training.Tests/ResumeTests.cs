using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests;

/// <summary>A run that was stopped and continued ends in the same bytes as one that was not.</summary>
[Collection(nameof(WholeRuns))]
public sealed class ResumeTests(RunFixture fixture)
{
    [Theory]
    [InlineData("lora", 3)] // between two checkpoints, in the first epoch
    [InlineData("lora", 4)] // at the end of the first epoch, where a checkpoint and a validation fall due as well
    [InlineData("none", 6)]
    public void Stopped_and_continued_is_the_same_run(string adapter, int stop)
    {
        var whole = Recipe(adapter);
        RunFixture.Run(whole);
        var parts = whole with { Output = whole.Output + "-parts" };
        var first = RunFixture.RunUntil(parts, stop);
        Assert.True(first.Cancelled);
        Assert.Equal(stop, first.Steps);
        Assert.False(Directory.Exists(Path.Combine(parts.Output, "adapter")), "no result before the end");
        var second = RunFixture.RunUntil(parts, stop + 1, resume: true);
        Assert.Equal(stop + 1, second.Steps);
        Assert.False(RunFixture.Run(parts, resume: true).Cancelled);
        Same(whole.Output, parts.Output, adapter == "none" ? "model" : "adapter");
    }

    [Trait("level", "full")]
    [Theory]
    [InlineData("lora", "adamw8bit", "nf4")]
    [InlineData("lora", "muon", "int8")]
    [InlineData("none", "galore", "none")]
    public void So_it_is_with_other_optimizers_quantized_bases_recomputation_and_noise(string adapter, string optimizer,
        string form)
    {
        var recipe = Recipe(adapter);
        var whole = recipe with
        {
            Quantization = QuantizationOptions.Parse(form)?.Type,
            Training = recipe.Training with
            {
                Optimizer = optimizer, GaLoreRank = 8, GaLoreInterval = 4, NeftuneAlpha = 5, GradientCheckpointing = true,
                MaxSteps = 8,
            },
        };
        RunFixture.Run(whole);
        var parts = whole with { Output = whole.Output + "-parts" };
        Assert.True(RunFixture.RunUntil(parts, 3).Cancelled);
        RunFixture.Run(parts, resume: true);
        Same(whole.Output, parts.Output, adapter == "none" ? "model" : "adapter");
    }

    [Fact]
    public void Control_another_seed_is_another_run()
    {
        var one = Recipe("lora");
        RunFixture.Run(one);
        var two = one with { Output = one.Output + "-other", Training = one.Training with { Seed = 7 } };
        RunFixture.Run(two);
        Assert.NotEqual(RunFixture.Losses(one.Output), RunFixture.Losses(two.Output));
        var again = one with { Output = one.Output + "-again" };
        RunFixture.Run(again);
        Same(one.Output, again.Output, "adapter");
    }

    [Fact]
    public void Continuing_a_finished_run_changes_nothing()
    {
        var recipe = Recipe("lora");
        RunFixture.Run(recipe);
        var (files, losses) = (RunFixture.Files(Path.Combine(recipe.Output, "adapter")), RunFixture.Losses(recipe.Output));
        var result = RunFixture.Run(recipe, resume: true);
        Assert.False(result.Cancelled);
        Assert.Equal(files, RunFixture.Files(Path.Combine(recipe.Output, "adapter")));
        Assert.Equal(losses, RunFixture.Losses(recipe.Output));
    }

    [Fact]
    public void A_checkpoint_that_was_cut_off_and_half_a_line_of_metrics_are_passed_over()
    {
        var whole = Recipe("lora");
        RunFixture.Run(whole);
        var parts = whole with { Output = whole.Output + "-parts" };
        RunFixture.RunUntil(parts, 6);
        // What a kill in the middle of writing leaves.
        var partial = Directory.CreateDirectory(Path.Combine(parts.Output, "checkpoints", "step-000008.partial")).FullName;
        File.WriteAllText(Path.Combine(partial, "adapter_model.safetensors"), "cut");
        File.AppendAllText(Path.Combine(parts.Output, "metrics.jsonl"), "{\"step\":7,\"los");
        RunFixture.Run(parts, resume: true);
        Same(whole.Output, parts.Output, "adapter");
        Assert.Empty(Directory.GetDirectories(Path.Combine(parts.Output, "checkpoints"), "*.partial"));
    }

    [Fact]
    public void Another_recipe_other_data_or_no_run_cannot_be_continued()
    {
        var data = fixture.Records(12);
        var recipe = fixture.Recipe(data: data) with { Training = fixture.Recipe().Training with { MaxSteps = 2 } };
        Assert.Contains("no run to resume", Refused(recipe, resume: true), StringComparison.Ordinal);
        Assert.False(Directory.Exists(recipe.Output));
        RunFixture.Run(recipe);
        var before = RunFixture.Losses(recipe.Output);
        Assert.Contains("recipe has changed",
            Refused(recipe with { Training = recipe.Training with { BatchSize = 4 } }, resume: true), StringComparison.Ordinal);
        Assert.Contains("already contains a run", Refused(recipe, resume: false), StringComparison.Ordinal);
        File.WriteAllText(data, TinyModel.Records(13));
        Assert.Contains("data has changed", Refused(recipe, resume: true), StringComparison.Ordinal);
        Assert.Equal(before, RunFixture.Losses(recipe.Output));
        RunFixture.Run(recipe, overwrite: true);
        Assert.NotEqual(before, RunFixture.Losses(recipe.Output));
    }

    [Fact]
    public void A_run_killed_while_its_folder_was_made_can_be_started_again()
    {
        var recipe = fixture.Recipe() with { Training = fixture.Recipe().Training with { MaxSteps = 1 } };
        Directory.CreateDirectory(recipe.Output);
        File.WriteAllText(Path.Combine(recipe.Output, "metrics.jsonl"), "");
        Assert.Equal(1, RunFixture.Run(recipe).Steps);
    }

    private static string Refused(Recipe recipe, bool resume) =>
        Assert.Throws<InputException>(() => RunFixture.Run(recipe, resume: resume)).Message;

    // 34 examples in steps of 8: the last step of each epoch is smaller. A checkpoint and a validation do not fall together.
    private Recipe Recipe(string adapter)
    {
        var r = fixture.Recipe(adapter);
        return r with
        {
            Training = r.Training with { ValidationSize = 6, EvalSteps = 3, SaveSteps = 4, WarmupSteps = 2, SaveTotalLimit = 2 },
        };
    }

    private static void Same(string whole, string parts, string result)
    {
        Assert.Equal(RunFixture.Losses(whole), RunFixture.Losses(parts));
        Assert.Equal(RunFixture.Files(Path.Combine(whole, result)), RunFixture.Files(Path.Combine(parts, result)));
        Assert.Equal(RunFixture.Files(Path.Combine(whole, "best")), RunFixture.Files(Path.Combine(parts, "best")));
    }
}
