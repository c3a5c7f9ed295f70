using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Text;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>The estimated cost of a cell, accurate to about a factor of two.</summary>
/// <param name="Model">Parameters and memory; null where neither the model's files nor its name give a size.</param>
/// <param name="Records">Training records; null where the data is not available.</param>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Tokens">Training tokens.</param>
/// <param name="Questions">Benchmark questions; null where the data is not available.</param>
/// <param name="Operations">Floating-point operations of training and answering.</param>
public sealed record CellEstimate(ResourceEstimate? Model, long? Records, long? Steps, double? Tokens, int? Questions,
    double? Operations)
{
    /// <summary>The number of parameters of the base model.</summary>
    public double? Parameters => Model?.BaseParameters;

    /// <summary>The peak memory of the process in bytes.</summary>
    public double? MemoryBytes => Model?.Memory.Process;
}

/// <summary>The plan of a study: every cell with an estimate of its cost. Neither models nor data need to exist
/// locally.</summary>
/// <param name="Cells">The cells.</param>
/// <param name="Missing">The message about missing models or data; null for none.</param>
public sealed record StudyPlan(IReadOnlyList<(StudyCell Cell, CellEstimate Estimate)> Cells, string? Missing)
{
    /// <summary>Reads and plans a study; models and data may be missing.</summary>
    /// <exception cref="InputException">The study has errors.</exception>
    public static (Study Study, StudyPlan Plan) Read(string path)
    {
        try
        {
            var study = StudyFile.Load(path);
            return (study, Of(study));
        }
        catch (InputException absent)
        {
            var study = StudyFile.Load(path, files: false); // throws for all other errors
            return (study, Of(study, absent.Message));
        }
    }

    /// <summary>Plans a study.</summary>
    /// <param name="study">The study, read with or without its files.</param>
    /// <param name="missing">The message about missing models or data; null for none.</param>
    public static StudyPlan Of(Study study, string? missing = null)
    {
        ArgumentNullException.ThrowIfNull(study);
        var counted = new Dictionary<string, long?>();
        var questions = study.Benchmarks.Select(b => (Benchmark: b, Count: CountQuestions(b))).ToList();
        var lengths = new MeanLengths();
        var arms = study.Arms.Where(arm => arm.Refusal is null).ToDictionary(arm => arm.Name,
            arm => Estimate(arm, questions, counted, lengths));
        return new StudyPlan([.. study.Cells.Select(cell => (cell, arms[cell.Arm.Name]))], missing);
    }

    /// <summary>The floating-point operations of all cells; null where one is unknown.</summary>
    public double? Operations => Cells.All(c => c.Estimate.Operations is not null) ? Cells.Sum(c => c.Estimate.Operations) : null;

    /// <summary>The peak memory of the largest cell in bytes.</summary>
    public double? MemoryBytes => Cells.Max(c => c.Estimate.MemoryBytes);

    /// <summary>The number of cells that can run in parallel on this machine.</summary>
    /// <param name="threads">The threads of each cell; null: all cores.</param>
    public int Jobs(int? threads)
    {
        var cores = Math.Max(1, Environment.ProcessorCount / (threads ?? Environment.ProcessorCount));
        var memory = MemoryBytes is > 0 and var bytes ? (int)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / bytes) : cores;
        return Math.Clamp(Math.Min(cores, memory), 1, Cells.Count);
    }

    private static CellEstimate Estimate(StudyArm arm, IReadOnlyList<(StudyBenchmark Benchmark, int? Count)> benchmarks,
        Dictionary<string, long?> counted, MeanLengths lengths)
    {
        var recipe = arm.Recipe;
        var model = ModelOf(arm);
        var sources = arm.Trains ? recipe.Data.Select(d => Records(d, counted)).ToList() : [];
        var records = recipe.Mixture.Size is { } size && arm.Trains ? size : Sum(sources);
        var options = recipe.Training;
        long? steps = !arm.Trains ? 0 : options.MaxSteps is { } most ? most
            : records is { } all
                ? (long)Math.Ceiling(Math.Max(1, all - options.ValidationSize) * options.Epochs / options.BatchSize) : null;
        var tokens = arm.Trains ? steps * options.BatchSize * lengths.OfRecord(recipe, sources) : 0;
        int? questions = benchmarks.Any(b => b.Count is null) ? null : benchmarks.Sum(b => b.Count);
        if (model is null) return new(null, records, steps, tokens, questions, null);
        // 2 operations for each parameter and token forward, 2 backward for activations, and 2 for the gradients of trained
        // weights.
        var training = tokens * model.BaseParameters * (recipe.TrainsAllParameters ? 6 : 4);
        var answering = benchmarks.Sum(b => (b.Count ?? 0) * Tokens(b.Benchmark)) * model.BaseParameters * 2;
        return new(model, records, steps, tokens, questions, training + answering);

        double Tokens(StudyBenchmark benchmark)
        {
            var (question, answer) = lengths.OfQuestion(recipe, benchmark);
            return question + answer;
        }
    }

    private static ResourceEstimate? ModelOf(StudyArm arm)
    {
        var model = arm.Recipe.Model;
        if (model.Init is { } init ? File.Exists(init) : Path.Exists(model.Path))
            try
            {
                return Estimate(arm, ModelDescription.Of(model));
            }
            catch (InputException)
            {
                return null; // a run of the cell reports the reason
            }
        return NominalModel.OfName(model.Path ?? "") is not { } nominal ? null
            : Estimate(arm, new ModelDescription(nominal.Config)) is { } estimate
                ? estimate with { BaseParameters = nominal.Parameters } : null;
    }

    // An adapter that does not fit the model, which a run of the cell reports, is estimated as the default adapter.
    private static ResourceEstimate? Estimate(StudyArm arm, ModelDescription model)
    {
        foreach (var adapter in new[] { arm.Recipe.Adapter, new Recipe().Adapter })
            try
            {
                return ResourceEstimate.Of(arm.Recipe with { Adapter = adapter }, model, arm.Trains);
            }
            catch (InputException)
            {
            }
        return null;
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
        if (!DataFiles.Exist(data.Path)) return Catalogue.TryResolve(data.Path) is [var named] ? named.Entry.Records : null;
        var recipe = new Recipe { Data = [data with { Limit = null, Skip = 0, Epochs = null }] };
        return RecipeData.Mixture(recipe, new() { SkipBad = true }).Read().LongCount();
    }

    private static int? CountQuestions(StudyBenchmark benchmark) => Path.Exists(benchmark.Path)
        ? BenchmarkSuite.Read(BenchmarkSuite.Find(benchmark.Name), benchmark.Path, benchmark.Options).Count
        : benchmark.Limit;
}
