using System.Text.Json;
using AlpacaCot.Models;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// Whole runs on the device of the tests: loading, training with checkpointing over plain and quantized bases, saving, resuming,
/// and using the result. On the second device nothing may meet a tensor of the CPU.
/// </summary>
[Collection(nameof(WholeRuns))]
public sealed class DeviceRunTests(RunFixture runs)
{
    [Theory]
    [InlineData("lora", null, ActivationType.Float32, 1e-5)]
    [InlineData("lora", QuantizationType.Nf4, ActivationType.Float32, 1e-5)]
    [InlineData("dora", QuantizationType.Int8, ActivationType.Float32, 1e-5)]
    [InlineData("none", null, ActivationType.Float32, 1e-5)]
    [InlineData("lora", QuantizationType.Nf4, ActivationType.BFloat16, 2e-2)]
    [InlineData("none", null, ActivationType.BFloat16, 2e-2)]
    public void Losses_and_result_are_those_of_the_CPU_in_fp32(
        string method, QuantizationType? quantization, ActivationType type, double tolerance)
    {
        var recipe = Steps(method, 2) with { Quantization = quantization };
        RunFixture.Run(recipe with { Device = "cpu" });
        var other = recipe with { Output = recipe.Output + "-device", Device = TestDevice.Word, Dtype = type };
        RunFixture.Run(other);
        var (wanted, found) = (Losses(recipe.Output), Losses(other.Output));
        Assert.Equal(2, found.Length);
        for (var i = 0; i < 2; i++) Assert.Equal(wanted[i], found[i], tolerance * wanted[i]);
        if (type == ActivationType.BFloat16) Assert.NotEqual(wanted, found);
        Assert.Contains($"\"device\": \"{(TestDevice.IsSecond ? "17:0" : "cpu")}\"",
            File.ReadAllText(Path.Combine(other.Output, "run.json")));
        if (method == "none") return;
        using var a = SafetensorsFile.Open(Path.Combine(recipe.Output, "adapter", "adapter_model.safetensors"));
        using var b = SafetensorsFile.Open(Path.Combine(other.Output, "adapter", "adapter_model.safetensors"));
        foreach (var name in a.Entries.Keys.Where(n => n.Contains("lora_A", StringComparison.Ordinal)))
            Assert.InRange(Golden.RelativeDifference(b.Read(name), a.Read(name)), 0, tolerance * 10);
    }

    [Fact]
    public void Steps_that_are_not_logged_are_computed_all_the_same()
    {
        var each = Steps("lora", 3) with { Device = TestDevice.Word };
        each = each with { Training = each.Training with { MaxGradNorm = 1e-3, SaveSteps = 3 } }; // every step is clipped
        RunFixture.Run(each);
        var last = each with { Output = each.Output + "-last", Training = each.Training with { LoggingSteps = 3 } };
        RunFixture.Run(last);
        Assert.Equal(Losses(each.Output)[2..], Losses(last.Output));
    }

    [Fact]
    public void A_run_with_dropout_that_was_stopped_ends_in_the_same_bytes()
    {
        // The lazy device draws dropout anew whenever a result is read.
        var whole = Steps("lora", 3, dropout: TestDevice.IsSecond ? 0 : 0.2) with { Device = TestDevice.Word };
        RunFixture.Run(whole);
        var parts = whole with { Output = whole.Output + "-parts" };
        RunFixture.RunUntil(parts, 1);
        RunFixture.Run(parts, resume: true);
        Assert.Equal(Losses(whole.Output), Losses(parts.Output));
        Assert.Equal(RunFixture.Files(Path.Combine(whole.Output, "adapter"))["adapter_model.safetensors"],
            RunFixture.Files(Path.Combine(parts.Output, "adapter"))["adapter_model.safetensors"]);
    }

    [Fact]
    public void A_run_continues_on_another_device_and_says_so()
    {
        var recipe = Steps("lora", 3);
        RunFixture.RunUntil(recipe, 1);
        var recorder = new Recorder();
        RunFixture.Run(recipe with { Device = TestDevice.Word }, recorder, resume: true);
        Assert.Equal(TestDevice.IsSecond, recorder.Notes.Any(n => n.Contains("the run began on cpu and continues on")));
        Assert.Equal(3, Losses(recipe.Output).Length);
    }

    [Fact]
    public void The_result_answers_there_as_on_the_CPU()
    {
        var recipe = Steps("lora", 1) with { Device = TestDevice.Word };
        RunFixture.Run(recipe);
        int[][] prompts = [[5, 9, 17], [40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50]];
        IReadOnlyList<IReadOnlyList<int>> Answers(Compute compute)
        {
            using var model = LanguageModel.Load(recipe.Model.Path!, recipe.Output, "alpaca", compute: compute);
            return [.. model.Generator.GenerateBatch(prompts, new() { MaxNewTokens = 3, EndTokens = [] })];
        }
        Assert.Equal(Answers(Compute.Cpu), Answers(DeviceChoice.Of(TestDevice.Word)));
    }

    [Fact]
    public void Arithmetic_of_the_CPU_is_refused_elsewhere_before_anything_is_loaded()
    {
        var recipe = Steps("lora", 1);
        recipe = recipe with
        {
            Device = TestDevice.Word, Training = recipe.Training with { Arithmetic = Arithmetic.Int8 },
            Model = TestDevice.IsSecond ? new ModelSpec { Path = "/no/such/model" } : recipe.Model,
        };
        if (TestDevice.IsSecond)
            Assert.Contains("training.compute: int8", Assert.Throws<Text.InputException>(() => RunFixture.Run(recipe)).Message);
        else RunFixture.Run(recipe);
    }

    private Recipe Steps(string method, int steps, double dropout = 0)
    {
        var recipe = runs.Recipe(method == "none" ? "none" : "lora");
        return recipe with
        {
            Adapter = method == "none" ? recipe.Adapter
                : AdapterRecipe.Parse($"{{ method: {method}, rank: 4, dropout: {dropout} }}"),
            Training = recipe.Training with
            {
                MaxSteps = steps, GradientCheckpointing = true, BatchSize = 4, MicroBatchSize = 2, SaveSteps = 1,
            },
        };
    }

    private static double[] Losses(string run) =>
        [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("loss").GetDouble();
        })];
}
