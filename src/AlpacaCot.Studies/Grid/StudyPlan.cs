using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>What a cell is going to cost, roughly: it is known to a factor of two, not to a percent.</summary>
/// <param name="Parameters">Of the model; null where neither its files nor its name tell.</param>
/// <param name="Records">Training records; null where they cannot be counted.</param>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Tokens">Tokens that training reads.</param>
/// <param name="Questions">Questions that are answered; null where the data is not here.</param>
/// <param name="Operations">Floating-point operations of training and answering.</param>
/// <param name="MemoryBytes">Memory of the process at its highest.</param>
public sealed record CellEstimate(double? Parameters, long? Records, long? Steps, double? Tokens, int? Questions,
    double? Operations,
    double? MemoryBytes);

/// <summary>What a study is going to do: every cell with an estimate of its cost. Needs neither models nor data to be
/// there.</summary>
/// <param name="Cells">The cells.</param>
/// <param name="Missing">What is not there and will be needed; null when nothing is missing.</param>
public sealed partial record StudyPlan(IReadOnlyList<(StudyCell Cell, CellEstimate Estimate)> Cells, string? Missing)
{
    // What instruction data has been seen to have: a record of the collections is some 120 tokens, an answer some 60.
    private const double TokensARecord = 120, TokensAnAnswer = 60, TokensAQuestion = 80;

    /// <summary>Reads a study and plans it, whether its models and data are here or not.</summary>
    /// <exception cref="InputException">The study has errors.</exception>
    public static (Study Study, StudyPlan Plan) Read(string path)
    {
        try
        {
            var study = StudyFile.Load(path);
            return (study, Of(study));
        }
        catch (InputException notHere)
        {
            var study = StudyFile.Load(path, files: false); // what else is wrong is said by this
            return (study, Of(study, notHere.Message));
        }
    }

    /// <summary>Plans a study.</summary>
    /// <param name="study">The study, read with or without its files.</param>
    /// <param name="missing">What is not there.</param>
    public static StudyPlan Of(Study study, string? missing = null)
    {
        ArgumentNullException.ThrowIfNull(study);
        var counted = new Dictionary<string, long?>();
        var questions = study.Benchmarks.Select(b => CountQuestions(b)).ToList();
        int? asked = questions.Any(q => q is null) ? null : questions.Sum();
        var arms = study.Arms.Where(arm => arm.Refusal is null).ToDictionary(arm => arm.Name,
            arm => Estimate(arm, asked, counted));
        return new StudyPlan([.. study.Cells.Select(cell => (cell, arms[cell.Arm.Name]))], missing);
    }

    /// <summary>Operations of all cells; null where one is not known.</summary>
    public double? Operations => Cells.All(c => c.Estimate.Operations is not null) ? Cells.Sum(c => c.Estimate.Operations) : null;

    /// <summary>The most memory a cell needs.</summary>
    public double? MemoryBytes => Cells.Max(c => c.Estimate.MemoryBytes);

    /// <summary>How many cells can run at the same time on this machine.</summary>
    /// <param name="threads">Threads of a cell; null: all cores.</param>
    public int Jobs(int? threads)
    {
        var cores = Math.Max(1, Environment.ProcessorCount / (threads ?? Environment.ProcessorCount));
        var memory = MemoryBytes is > 0 and var bytes ? (int)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / bytes) : cores;
        return Math.Clamp(Math.Min(cores, memory), 1, Cells.Count);
    }

    private static CellEstimate Estimate(StudyArm arm, int? questions, Dictionary<string, long?> counted)
    {
        var recipe = arm.Recipe;
        var model = ModelSize.Of(recipe.Model);
        var records = !arm.Trains ? 0 : recipe.Mixture.Size ?? Sum(recipe.Data.Select(d => Records(d, counted)));
        var options = recipe.Training;
        long? steps = !arm.Trains ? 0 : options.MaxSteps is { } most ? most
            : records is { } all
                ? (long)Math.Ceiling(Math.Max(1, all - options.ValidationSize) * options.Epochs / options.BatchSize) : null;
        var tokens = steps * options.BatchSize * Math.Min(TokensARecord, options.CutoffLength);
        if (model is null) return new(null, records, steps, tokens, questions, null, null);
        // Forward two operations a parameter and token, backward as many for the activations, and for the weights where they
        // learn.
        var training = tokens * model.Parameters * (recipe.TrainsAllParameters ? 6 : 4);
        var answering = questions * (TokensAQuestion + TokensAnAnswer) * model.Parameters * 2;
        return new(model.Parameters, records, steps, tokens, questions, training + (answering ?? 0),
            Memory(recipe, model, arm.Trains));
    }

    // Weights as they are stored, moments and gradients of what learns, and the activations of one micro-batch.
    private static double Memory(Recipe recipe, ModelSize model, bool trains)
    {
        const double Program = 350e6;
        var weight = recipe.Quantization switch { QuantizationType.Nf4 => 0.6, QuantizationType.Int8 => 1.1, _ => 2.0 };
        if (!trains) return Program + model.Parameters * weight;
        var full = recipe.TrainsAllParameters;
        var rank = recipe.Adapter.Config switch
        {
            LowRankConfig low => low.Rank, AdaLoraConfig adaLora => adaLora.StartRank, VeraConfig vera => vera.Rank, _ => 8.0,
        };
        var targets = recipe.Adapter.Config?.Targets ?? new();
        var trained = full ? model.Parameters
            : rank * model.Layers * model.Hidden
                * (targets.Pattern == Targets.AllLinear ? 19 : 2 * Math.Max(2, targets.Modules.Count));
        var places = recipe.Training.MicroBatchSize * Math.Min(recipe.Training.CutoffLength, 2 * TokensARecord);
        var kept = recipe.Training.GradientCheckpointing ? model.Layers + 16 : 16 * model.Layers; // hidden states' worth
        var activations = places * 4 * (model.Hidden * kept + model.Vocabulary * 2);
        return Program + (full ? 0 : model.Parameters * weight) + trained * 16 + activations;
    }

    private static long? Sum(IEnumerable<long?> counts) => counts.Aggregate((long?)0, (sum, count) => sum + count);

    private static long? Records(DataSpec data, Dictionary<string, long?> counted)
    {
        var key = $"{data.Source} {data.Path}";
        if (!counted.TryGetValue(key, out var all))
            counted[key] = all = Count(data);
        var some = all is { } count ? Math.Max(0, count - data.Skip) : all;
        if (data.Limit is { } limit) some = some is null ? limit : Math.Min(limit, some.Value);
        return some is { } taken ? (long)(taken * (data.Epochs ?? 1)) : null;
    }

    private static long? Count(DataSpec data)
    {
        if (data.Set is { } set && !Path.Exists(data.Path)) return set.Entry.Records;
        if (!Path.Exists(data.Path)) return Catalogue.TryResolve(data.Path) is [var named] ? named.Entry.Records : null;
        var recipe = new Recipe { Data = [data with { Limit = null, Skip = 0, Epochs = null }] };
        return RecipeData.Mixture(recipe, new() { SkipBad = true }).Read().LongCount();
    }

    private static int? CountQuestions(StudyBenchmark benchmark) => Path.Exists(benchmark.Path)
        ? BenchmarkSuite.Read(BenchmarkSuite.Find(benchmark.Name), benchmark.Path, benchmark.Options).Count
        : benchmark.Limit;

    /// <summary>How large a model is, by its configuration or, where it is not here, by its name.</summary>
    private sealed partial record ModelSize(double Parameters, double Hidden, double Layers, double Vocabulary)
    {
        public static ModelSize? Of(ModelSpec model)
        {
            var config = model.Init ?? (model.Path is { } folder ? Path.Combine(folder, "config.json") : "");
            return File.Exists(config) ? OfConfig(config) : OfName(model.Path ?? "");
        }

        private static ModelSize? OfConfig(string path)
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            double? Number(params ReadOnlySpan<string> names)
            {
                foreach (var name in names)
                    if (json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number)
                        return value.GetDouble();
                return null;
            }
            if (Number("hidden_size", "n_embd", "d_model") is not { } hidden
                || Number("num_hidden_layers", "n_layer", "num_layers") is not { } layers) return null;
            var vocabulary = Number("vocab_size", "padded_vocab_size") ?? 32000;
            var inner = Number("intermediate_size", "ffn_hidden_size", "n_inner") ?? 4 * hidden;
            return new(layers * (4 * hidden * hidden + 3 * hidden * inner) + vocabulary * hidden, hidden, layers, vocabulary);
        }

        // llama-7b, bloom-7b1, chatglm-6b, Qwen2.5-0.5B; width and depth follow from the size in most families.
        private static ModelSize? OfName(string name)
        {
            if (Named.Match(Path.GetFileName(name.TrimEnd('/'))) is not { Success: true } match) return null;
            var billions = double.Parse($"{match.Groups["whole"].Value}.{match.Groups["part"].Value}0",
                CultureInfo.InvariantCulture);
            var hidden = Math.Cbrt(billions * 1e9 * 128 / 12);
            return new(billions * 1e9, hidden, hidden / 128,
                name.Contains("bloom", StringComparison.OrdinalIgnoreCase) ? 250880 : 64000);
        }

        [GeneratedRegex(@"(?<![0-9.])(?:(?<whole>\d+)(?:\.(?<part>\d+))?b|(?<whole>\d+)b(?<part>\d))(?![a-z0-9])",
            RegexOptions.IgnoreCase | RegexOptions.RightToLeft | RegexOptions.CultureInvariant)]
        private static partial Regex Named { get; }
    }
}
