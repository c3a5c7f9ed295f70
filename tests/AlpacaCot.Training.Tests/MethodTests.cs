using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// Every method that a recipe can name: it learns, survives being stopped, is saved and loaded without a change in the last bit,
/// and is merged where it can be; and it does so on a base in four bits, or says why not.
/// </summary>
[Collection(nameof(WholeRuns))]
public sealed class MethodTests(RunFixture fixture)
{
    private static readonly string[] Unmergeable =
        ["prompt_tuning", "p_tuning", "prefix_tuning", "p_tuning_v2", "houlsby", "pfeiffer", "parallel"];

    [Trait("level", "full")]
    [Theory]
    [MemberData(nameof(MethodCases.All), MemberType = typeof(MethodCases))]
    public void A_method_from_recipe_to_merged_model(string method, string family, string form)
    {
        var whole = Recipe(method, family, form);
        var recorder = new Recorder();
        RunFixture.Run(whole, recorder);
        Assert.True(recorder.Validations[^1].Loss < recorder.Validations[0].Loss, "it learns");

        // Stopped between two checkpoints and continued.
        var parts = whole with { Output = whole.Output + "-parts" };
        Assert.True(RunFixture.RunUntil(parts, 3).Cancelled);
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

    [Theory]
    [MemberData(nameof(MethodCases.OnNf4), MemberType = typeof(MethodCases))]
    public void A_method_on_a_base_in_four_bits_learns_and_is_found_again(string method, string family, string form)
    {
        var recipe = Recipe(method, family, form);
        using var scope = NewDisposeScope();
        using var temporary = new TemporaryFolder();
        using var loaded = Load(recipe);
        if (method == "freeze") // the one that trains the very matrices
        {
            Assert.Contains("codes cannot be trained", Assert.Throws<InputException>(() => Attach(recipe, loaded)).Message,
                StringComparison.Ordinal);
            return;
        }
        using (var adapter = Attach(recipe, loaded))
        {
            using var optimizer = new Optimizers.AdamW(adapter.Parameters, new Optimizers.AdamWOptions());
            var before = LossWithout(loaded.Model);
            adapter.Begin(8);
            for (var step = 0; step < 8; step++)
            {
                using var inner = NewDisposeScope();
                Loss(loaded.Model).backward();
                using (no_grad()) adapter.Step(step, 1, () => optimizer.Step(5e-3, 1.0 / 7));
            }
            Assert.True(LossWithout(loaded.Model) < before, "it learns");
            adapter.Save(temporary.File("adapter"));
        }
        using var once = Load(recipe, temporary.File("adapter"));
        once.Adapter!.Save(temporary.File("again"));
        using var twice = Load(recipe, temporary.File("again"));
        Assert.Equal(0, Golden.Difference(Logits(once.Model), Logits(twice.Model)));
        Assert.True(Golden.Difference(Logits(once.Model), Logits(loaded.Model)) > 1e-4, "control: the base answers otherwise");

        static Tensor Loss(CausalModel model) => model.NegativeLogLikelihood(
            new ModelInput(tensor(Ids, [1, 12])), Range(4, 11, CPU), tensor(Ids[5..]));

        static double LossWithout(CausalModel model) // without dropout
        {
            using var quiet = no_grad();
            return Loss(model).item<float>();
        }
    }

    [Fact]
    public void BitFit_needs_biases() => Assert.Contains("has none", Assert.Throws<InputException>(
        () => RunFixture.Run(Recipe("bitfit", "llama", "none"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Loftq_needs_a_quantized_base() => Assert.Contains("nothing is quantized", Assert.Throws<InputException>(() =>
        RecipeFile.Parse($"model: {fixture.Model}\ndata: [{fixture.Data}]\nadapter: loftq\noutput: x\n", "r.yaml")).Message,
        StringComparison.Ordinal);

    // so many that 4-bit products are not rounded
    private static readonly long[] Ids = [1, 9, 200, 31, 7, 7, 40, 3, 88, 120, 5, 61];

    private static Adapter Attach(Recipe recipe, LanguageModel loaded) => AdapterMethods.Attach(loaded.Model,
        recipe.Adapter.Complete(new AdapterSetup(loaded.Model, 1, text => loaded.Tokenizer.Encode(text, false)))!, 1);

    private static LanguageModel Load(Recipe recipe, string? adapter = null) => LanguageModel.Load(recipe.Model.Path!, adapter,
        quantization: recipe.QuantizationOptions);

    private static Tensor Logits(CausalModel model)
    {
        using var quiet = no_grad();
        return model.Logits(new ModelInput(tensor(Ids, [1, 12])));
    }

    private Recipe Recipe(string method, string family, string form)
    {
        var r = fixture.Recipe();
        return r with
        {
            Model = new ModelSpec { Path = fixture.ModelOf(family) }, Adapter = MethodCases.Recipe(method),
            Quantization = QuantizationOptions.Parse(form)?.Type,
            Training = r.Training with
            {
                MaxSteps = 6, ValidationSize = 6, EvalSteps = 3, SaveSteps = 2, LearningRate = 1e-2, SaveTotalLimit = 1,
            },
        };
    }
}
