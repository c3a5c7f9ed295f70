using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Bench;

/// <summary>
/// Quality cost of a quantized base: validation loss before and after the same LoRA run (same seed) on the full base and on each
/// quantized one, with the ratio to the full base.
/// </summary>
internal sealed class QloraQualityBench : ITrainingObserver
{
    private readonly List<double> _losses = [];

    /// <param name="shared">The folder with stories260K and 999 Alpaca records; null: the embedded base.</param>
    public static void Run(string? shared)
    {
        Libtorch.EnsureLoaded();
        Console.WriteLine("| model | base | loss before | ratio | loss after | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|");
        if (shared is null) Compare("samples/base", Embedded);
        else Compare("stories260K", Stories(shared));
    }

    private static Recipe Embedded => new()
    {
        Model = new ModelSpec { Path = "samples/base" },
        Data = [new DataSpec { Path = "samples/data/train.json" }],
        Adapter = AdapterRecipe.Parse("{ rank: 16, alpha: 32 }"),
        Training = new TrainingOptions
        {
            MaxSteps = 100, BatchSize = 8, MicroBatchSize = 8, LearningRate = 3e-3, CutoffLength = 256, ValidationSize = 96,
        },
    };

    private static Recipe Stories(string shared) => new()
    {
        Model = new ModelSpec { Path = Path.Combine(shared, "data/derived/stories260K-hf") },
        Data = [new DataSpec { Path = Path.Combine(shared, "data/instruct/llamafactory_alpaca_en_demo.json") }],
        Training = new TrainingOptions
        {
            MaxSteps = 60, BatchSize = 4, MicroBatchSize = 4, LearningRate = 3e-3, WarmupSteps = 10, CutoffLength = 512,
            ValidationSize = 40,
        },
    };

    private static void Compare(string name, Recipe recipe)
    {
        double[] full = [];
        foreach (var form in new[] { "none", "int8", "nf4" })
        {
            var observer = new QloraQualityBench();
            var output = Directory.CreateTempSubdirectory("qlora-quality");
            var type = QuantizationOptions.Parse(form)?.Type;
            TrainingRun.Execute(recipe with { Quantization = type, Output = Path.Combine(output.FullName, "run") }, observer,
                resume: false, overwrite: false, CancellationToken.None);
            output.Delete(recursive: true);
            double before = observer._losses[0], after = observer._losses[^1];
            if (form == "none") full = [before, after];
            Console.WriteLine($"| {name} | {(form == "none" ? "full" : form)} | {before:F4} | {before / full[0]:F4} "
                + $"| {after:F4} | {after / full[1]:F4} |");
        }
    }

    public void Started(RunSummary summary) { }

    public void Step(StepMetrics m) { }

    public void Validated(ValidationMetrics m) => _losses.Add(m.Loss);

    public void Saved(string checkpoint) { }

    public void Finished(TrainingResult r) { }

    public void Note(string message) => Console.Error.WriteLine(message);
}
