using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Text;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>What a cell is going to cost. Its time is known to a factor of two, not to a percent.</summary>
/// <param name="Model">Parameters and memory; null where neither the model's files nor its name tell.</param>
/// <param name="Records">Training records; null where they cannot be counted.</param>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Tokens">Tokens that training reads.</param>
/// <param name="Questions">Questions that are answered; null where the data is not here.</param>
/// <param name="Operations">Floating-point operations of training and answering.</param>
public sealed record CellEstimate(ResourceEstimate? Model, long? Records, long? Steps, double? Tokens, int? Questions,
    double? Operations)
{
    /// <summary>Parameters of the base model.</summary>
    public double? Parameters => Model?.BaseParameters;

    /// <summary>Memory of the process at its highest.</summary>
    public double? MemoryBytes => Model?.Memory.Process;
}

/// <summary>What a study is going to do: every cell with an estimate of its cost. Needs neither models nor data to be
/// there.</summary>
/// <param name="Cells">The cells.</param>
/// <param name="Missing">What is not there and will be needed; null when nothing is missing.</param>
public sealed record StudyPlan(IReadOnlyList<(StudyCell Cell, CellEstimate Estimate)> Cells, string? Missing)
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
        var model = ModelOf(arm);
        var records = !arm.Trains ? 0 : recipe.Mixture.Size ?? Sum(recipe.Data.Select(d => Records(d, counted)));
        var options = recipe.Training;
        long? steps = !arm.Trains ? 0 : options.MaxSteps is { } most ? most
            : records is { } all
                ? (long)Math.Ceiling(Math.Max(1, all - options.ValidationSize) * options.Epochs / options.BatchSize) : null;
        var tokens = steps * options.BatchSize * Math.Min(TokensARecord, options.CutoffLength);
        if (model is null) return new(null, records, steps, tokens, questions, null);
        // Forward two operations a parameter and token, backward as many for the activations, and for the weights where they
        // learn.
        var training = tokens * model.BaseParameters * (recipe.TrainsAllParameters ? 6 : 4);
        var answering = questions * (TokensAQuestion + TokensAnAnswer) * model.BaseParameters * 2;
        return new(model, records, steps, tokens, questions, training + (answering ?? 0));
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
                return null; // a run of the cell says why
            }
        return NominalModel.OfName(model.Path ?? "") is not { } nominal ? null
            : Estimate(arm, new ModelDescription(nominal.Config)) is { } estimate
                ? estimate with { BaseParameters = nominal.Parameters } : null;
    }

    // Where the arm's adapter does not fit the model, which a run of the cell reports, the default adapter stands in.
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
        if (!Path.Exists(data.Path)) return Catalogue.TryResolve(data.Path) is [var named] ? named.Entry.Records : null;
        var recipe = new Recipe { Data = [data with { Limit = null, Skip = 0, Epochs = null }] };
        return RecipeData.Mixture(recipe, new() { SkipBad = true }).Read().LongCount();
    }

    private static int? CountQuestions(StudyBenchmark benchmark) => Path.Exists(benchmark.Path)
        ? BenchmarkSuite.Read(BenchmarkSuite.Find(benchmark.Name), benchmark.Path, benchmark.Options).Count
        : benchmark.Limit;
}
