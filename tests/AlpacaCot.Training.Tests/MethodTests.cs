using AlpacaCot.Data;
using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Tests;
using AlpacaCot.Training.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// Every method that a recipe can name: it learns, survives being stopped, is saved and loaded without a change in the last bit,
/// leaves no tensors behind, and is merged where it can be.
/// </summary>
[Collection(nameof(WholeRuns))]
public sealed class MethodTests(RunFixture fixture)
{
    private static readonly string[] Unmergeable =
        ["prompt_tuning", "p_tuning", "prefix_tuning", "p_tuning_v2", "houlsby", "pfeiffer", "parallel"];

    public static TheoryData<string> Methods() => [.. AdapterRecipes.All.Select(m => m.Name).Where(name => name != "bitfit")];

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_method_from_recipe_to_merged_model(string method)
    {
        var whole = Recipe(method);
        var tensors = new List<long>();
        var recorder = new Recorder
        {
            OnStep = _ =>
            {
                MemoryTests.Collect();
                tensors.Add(Tensor.TotalCount);
            },
        };
        RunFixture.Run(whole, recorder);
        Assert.True(recorder.Validations[^1].Loss < recorder.Validations[0].Loss, "it learns");
        Assert.InRange(tensors[^1] - tensors[..4].Max(), long.MinValue, 2);   // a tensor lost each step would be more

        // Stopped between two checkpoints and continued.
        var parts = whole with { Output = whole.Output + "-parts" };
        Assert.True(RunFixture.RunUntil(parts, 5).Cancelled);
        Assert.False(RunFixture.Run(parts, resume: true).Cancelled);
        Assert.Equal(RunFixture.Losses(whole.Output), RunFixture.Losses(parts.Output));
        var folder = Path.Combine(whole.Output, "adapter");
        Assert.Equal(RunFixture.Files(folder), RunFixture.Files(Path.Combine(parts.Output, "adapter")));

        // Saved, loaded, saved, loaded.
        using var scope = NewDisposeScope();
        using var temporary = new TemporaryFolder();
        using var tuned = Load(whole, folder);
        var logits = Logits(tuned.Model);
        tuned.Adapter!.Save(temporary.File("again"));
        using (var again = Load(whole, temporary.File("again")))
            Assert.Equal(0, Golden.Difference(logits, Logits(again.Model)));
        using (var plain = Load(whole))
            Assert.True(Golden.Difference(logits, Logits(plain.Model)) > 1e-4, "control: the base answers otherwise");

        if (Unmergeable.Contains(method))
            Assert.Contains("cannot be merged", Assert.Throws<InputException>(
                () => ModelExport.ToHuggingFace(tuned, temporary.File("merged"))).Message, StringComparison.Ordinal);
        else
        {
            ModelExport.ToHuggingFace(tuned, temporary.File("merged"));
            using var merged = LanguageModel.Load(temporary.File("merged"));
            Assert.InRange(Golden.RelativeDifference(Logits(merged.Model), logits), 0, 1e-5);
        }
    }

    [Fact]
    public void BitFit_needs_biases() => Assert.Contains("has none", Assert.Throws<InputException>(
        () => RunFixture.Run(Recipe("bitfit"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Loftq_needs_a_quantized_base() => Assert.Contains("nothing is quantized", Assert.Throws<InputException>(() =>
        RecipeFile.Parse($"model: {fixture.Model}\ndata: [{fixture.Data}]\nadapter: loftq\noutput: x\n", "r.yaml")).Message,
        StringComparison.Ordinal);

    private static LanguageModel Load(Recipe recipe, string? adapter = null) => LanguageModel.Load(recipe.Model.Path!, adapter,
        quantization: QuantizationOptions.Parse(recipe.Quantization));

    private static Tensor Logits(CausalModel model)
    {
        using var quiet = no_grad();
        return model.Logits(new ModelInput(tensor(new long[] { 1, 9, 200, 31, 7, 7, 40, 3, 88, 120, 5, 61 }, [1, 12])));
    }

    private Recipe Recipe(string method)
    {
        var r = fixture.Recipe();
        return r with
        {
            Quantization = method == "loftq" ? "nf4" : "none",
            Adapter = new AdapterSpec
            {
                Method = method, Rank = method is "vera" ? 16 : 4, TargetRank = method == "adalora" ? 2 : null,
                Dropout = AdapterRecipes.Named(method).Keys.Contains("dropout") ? 0.1 : 0,
                Interval = method == "adalora" ? 2 : null, TrainedLayers = method == "freeze" ? 1 : null,
                StartText = method == "prompt_tuning" ? "Say the number" : null, EncoderSize = 16,
                Encoder = method == "p_tuning" ? "lstm" : null,
            },
            Training = r.Training with { ValidationSize = 6, EvalSteps = 3, SaveSteps = 4, LearningRate = 1e-2, SaveTotalLimit = 1 },
        };
    }
}
