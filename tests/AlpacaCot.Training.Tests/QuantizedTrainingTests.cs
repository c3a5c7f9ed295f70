using AlpacaCot.Models.Export;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Tests;

/// <summary>LoRA on quantized bases learns as on the full one (Dettmers et al., 2023).</summary>
[Collection(nameof(WholeRuns))]
public sealed class QuantizedTrainingTests(RunFixture fixture)
{
    [Trait("level", "full")]
    [Fact]
    public void Validation_loss_is_within_1_percent_with_int8()
    {
        var full = ValidationLoss("none");
        Assert.InRange(ValidationLoss("int8") / full, 0.99, 1.01);
        Assert.NotInRange(ValidationLoss("nf4") / full, 0.99, 1.01); // control: so few steps do not make up for 4 bits
    }

    [Trait("level", "full")]
    [Fact]
    public void The_embedded_base_learns_as_well_with_8_and_4_bits()
    {
        double Loss(string form)
        {
            var recorder = new Recorder();
            var recipe = fixture.Recipe() with
            {
                Model = new ModelSpec { Path = Checkout.Path("samples/base") },
                Quantization = QuantizationOptions.Parse(form)?.Type,
                Data = [new DataSpec { Path = Checkout.Path("samples/data/train.json") }],
                Adapter = AdapterRecipe.Parse("{ rank: 16, alpha: 32 }"),
                Training = new TrainingOptions
                {
                    MaxSteps = 30, BatchSize = 8, MicroBatchSize = 8, LearningRate = 3e-3, CutoffLength = 256,
                    ValidationSize = 64,
                },
            };
            RunFixture.Run(recipe, recorder);
            Assert.True(recorder.Validations[^1].Loss < 0.5 * recorder.Validations[0].Loss);
            return recorder.Validations[^1].Loss;
        }
        var full = Loss("none");
        Assert.InRange(Loss("int8") / full, 0.99, 1.01);
        Assert.InRange(Loss("nf4") / full, 0.97, 1.03);
    }

    [Fact]
    public void Less_memory_is_not_another_result()
    {
        double Loss(bool recomputes) => ValidationLoss("nf4", t => t with { GradientCheckpointing = recomputes, MaxSteps = 3 });
        Assert.Equal(Loss(false), Loss(true));
    }

    [Fact]
    public void Noise_on_embeddings_is_for_training_only()
    {
        double First(double alpha)
        {
            var recorder = new Recorder();
            var recipe = fixture.Recipe();
            RunFixture.Run(
                recipe with { Training = recipe.Training with { MaxSteps = 1, ValidationSize = 6, NeftuneAlpha = alpha } },
                recorder);
            Losses[alpha] = recorder.Steps[0].Loss;
            return recorder.Validations[0].Loss;
        }
        Assert.Equal(First(0), First(5));
        Assert.NotEqual(Losses[0], Losses[5]);
    }

    [Fact]
    public void Every_weight_of_a_quantized_folder_cannot_be_trained()
    {
        using var folder = new TemporaryFolder();
        QuantizedFolder.Write(fixture.Model, folder.File("q"), new QuantizationOptions(QuantizationType.Nf4));
        var recipe = fixture.Recipe("none") with { Model = new ModelSpec { Path = folder.File("q") } };
        var error = Assert.Throws<InputException>(() => RunFixture.Run(recipe));
        Assert.Contains("no gradient", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(recipe.Output));
        var adapter = fixture.Recipe() with { Model = new ModelSpec { Path = folder.File("q") } };
        Assert.Equal(1, RunFixture.Run(adapter with { Training = adapter.Training with { MaxSteps = 1 } }).Steps);
    }

    private Dictionary<double, double> Losses { get; } = [];

    private double ValidationLoss(string form, Func<TrainingOptions, TrainingOptions>? change = null)
    {
        var recorder = new Recorder();
        var recipe = fixture.Recipe() with
        {
            Model = new ModelSpec { Path = ReferenceData.Path("data/derived/stories260K-hf") },
            Quantization = QuantizationOptions.Parse(form)?.Type,
        };
        var training = recipe.Training with { MaxSteps = 12, ValidationSize = 8, LearningRate = 1e-3 };
        RunFixture.Run(recipe with { Training = change?.Invoke(training) ?? training }, recorder);
        Assert.True(recorder.Validations[^1].Loss < recorder.Validations[0].Loss);
        return recorder.Validations[^1].Loss;
    }
}
