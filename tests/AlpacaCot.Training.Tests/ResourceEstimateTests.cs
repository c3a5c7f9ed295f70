using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Settings;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>What is counted from shapes is what the tensors of a loaded model hold.</summary>
public sealed class ResourceEstimateTests : IDisposable
{
    private static readonly string Base = Checkout.Path("samples/base");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("none"), InlineData("int8"), InlineData("nf4"), InlineData("fp4")]
    public void Weights_of_the_embedded_base_have_the_bytes_of_its_tensors(string form)
    {
        var estimate = ResourceEstimate.Of(Recipe(Base, form));
        using var loaded = LanguageModel.Load(Base, quantization: QuantizationOptions.Parse(form));
        Assert.Equal(Bytes(loaded.Model), estimate.Memory.Weights);
        Assert.Equal(loaded.Model.ParameterCount, estimate.BaseParameters);
        Assert.Equal(form == "none", loaded.Model.Quantization == "none"); // control
    }

    [Theory]
    [InlineData("none"), InlineData("int8"), InlineData("nf4"), InlineData("fp4")]
    public void A_configuration_alone_is_enough_for_a_plan(string form)
    {
        File.Copy(Path.Combine(Base, "config.json"), _folder.File("config.json"));
        Assert.Equal(ResourceEstimate.Of(Recipe(Base, form)), ResourceEstimate.Of(Recipe(_folder.Path, form)));
    }

    [Theory]
    [InlineData("lora"), InlineData("none")]
    public void Adapter_and_optimizer_have_the_bytes_of_their_tensors(string method)
    {
        foreach (var optimizer in new[] { "adamw", "adamw8bit", "sgd", "lion", "adafactor" })
        {
            var recipe = Recipe(Base, "none", method, optimizer);
            var estimate = ResourceEstimate.Of(recipe);
            using var loaded = LanguageModel.Load(Base, storage: method == "none" ? ScalarType.Float32 : null);
            using IAdapter adapter = method == "none" ? new FullTuning(loaded.Model, "{}", [])
                : AdapterMethods.Attach(loaded.Model,
                    recipe.Adapter.Complete(new AdapterSetup(loaded.Model, 1, _ => [], null))!, 1);
            using var state = OptimizerRegistry.Create(recipe.Training, loaded.Model, adapter.Parameters);
            var trained = adapter.Parameters.Values.Sum(p => p.numel());
            Assert.Equal((Bytes(loaded.Model), trained, trained * (method == "none" ? 4 : 8),
                    state.State.Sum(s => s.Tensor.numel() * s.Tensor.element_size())),
                (estimate.Memory.Weights, estimate.TrainableParameters, estimate.Memory.Adapter, estimate.Memory.Optimizer));
        }
    }

    [Theory]
    [InlineData(QuantizationType.Int8, 64, true), InlineData(QuantizationType.Nf4, 64, true)]
    [InlineData(QuantizationType.Nf4, 128, false), InlineData(QuantizationType.Fp4, 32, true)]
    public void A_quantized_matrix_has_the_bytes_that_its_options_say(QuantizationType type, int block, bool nested)
    {
        var options = new QuantizationOptions(type) { BlockSize = block, DoubleQuantization = nested };
        foreach (var (outputs, inputs) in new[] { (64L, 64L), (37L, 53L), (300L, 257L) })
        {
            using var weight = randn(outputs, inputs);
            using var matrix = options.Quantize(weight);
            Assert.Equal(Held(matrix), options.Bytes(outputs, inputs));
            Assert.Equal(matrix.Bytes, options.Bytes(outputs, inputs));
        }
    }

    [Fact]
    public void A_folder_that_is_quantized_already_is_counted_as_it_is()
    {
        QuantizedFolder.Write(Base, _folder.File("q"), new QuantizationOptions(QuantizationType.Nf4));
        using var loaded = LanguageModel.Load(_folder.File("q"));
        Assert.Equal(Bytes(loaded.Model), ResourceEstimate.Of(Recipe(_folder.File("q"))).Memory.Weights);
    }

    [Theory]
    [InlineData(16), InlineData(8)]
    public void A_GGUF_file_is_counted_as_it_is_loaded(int bits)
    {
        using (var loaded = LanguageModel.Load(Base))
            ModelExport.ToGguf(loaded, _folder.File("m.gguf"), bits == 16 ? GgufType.F16 : GgufType.Q8);
        using var model = LanguageModel.Load(_folder.File("m.gguf"));
        var estimate = ResourceEstimate.Of(Recipe(_folder.File("m.gguf")));
        Assert.Equal((Bytes(model.Model), model.Model.ParameterCount), (estimate.Memory.Weights, estimate.BaseParameters));
    }

    [Fact]
    public void Full_tuning_keeps_weights_and_gradients_in_fp32_and_a_base_that_only_answers_nothing_else()
    {
        var full = ResourceEstimate.Of(Recipe(Base, method: "none"));
        Assert.Equal((full.BaseParameters * 4, full.BaseParameters * 4, full.BaseParameters * 8),
            (full.Memory.Weights, full.Memory.Adapter, full.Memory.Optimizer));
        var answers = ResourceEstimate.Of(Recipe(Base), trains: false);
        Assert.Equal(answers.Memory.Weights, answers.Memory.Total);
        Assert.Equal(0, answers.TrainableParameters);
    }

    [Fact]
    public void A_folder_without_configuration_is_refused() =>
        Assert.Contains("config.json is missing; it is required for an estimate",
        Assert.Throws<InputException>(() => ResourceEstimate.Of(Recipe(_folder.Path))).Message, StringComparison.Ordinal);

    private static Recipe Recipe(string model, string form = "none", string method = "lora", string optimizer = "adamw") => new()
    {
        Model = new ModelSpec { Path = model }, Quantization = QuantizationOptions.Parse(form)?.Type,
        Adapter = method == "none" ? AdapterRecipe.None : AdapterRecipe.Of(method),
        Training = new TrainingOptions { Optimizer = optimizer },
    };

    private static long Bytes(CausalModel model) => model.Parameters.Values.Sum(Held)
        + model.Linears.Values.Where(l => l.IsQuantized).Sum(l => Held(l.Matrix));

    private static long Held(Tensor tensor) => tensor.numel() * tensor.element_size();

    private static long Held(WeightMatrix matrix) => matrix switch
    {
        Int8Matrix rows => Held(rows.Codes) + Held(rows.Scales),
        FourBitMatrix blocks => Held(blocks.Packed) + Held(blocks.Scales)
            + (blocks.NestedScales is { } nested ? Held(nested) : 0),
        _ => throw new ArgumentException("not a quantized matrix", nameof(matrix)),
    };
}
