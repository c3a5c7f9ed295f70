using System.Text.Json;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// Tests that run whole trainings, one after the other: dropout draws from the one random generator of the process, and memory is
/// the whole process's too.
/// </summary>
[CollectionDefinition(nameof(WholeRuns), DisableParallelization = true)]
public sealed class WholeRuns : ICollectionFixture<RunFixture>;

/// <summary>A tiny model folder and instruction data to run whole recipes on, made once.</summary>
public sealed class RunFixture : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _runs;

    public RunFixture()
    {
        Model = new TinyModel().WriteFolder(_folder.File("model"));
        Data = Records(40);
    }

    public string Model { get; }

    public string Data { get; }

    /// <summary>A model folder of a family; see <see cref="TinyModel"/>.</summary>
    public string ModelOf(string family)
    {
        if (family == "llama") return Model;
        var path = _folder.File(family);
        return Directory.Exists(path) ? path : new TinyModel(Family: family).WriteFolder(path);
    }

    /// <summary>A data file of so many records.</summary>
    public string Records(int count)
    {
        var path = _folder.File($"records-{count}-{Interlocked.Increment(ref _runs)}.json");
        File.WriteAllText(path, TinyModel.Records(count));
        return path;
    }

    /// <summary>A recipe over all records with an output folder of its own; two epochs of five steps.</summary>
    public Recipe Recipe(string adapter = "lora", string? data = null) => new()
    {
        Model = new ModelSpec { Path = Model },
        Data = [new DataSpec { Path = data ?? Data }],
        Adapter = adapter == "none" ? AdapterRecipe.None : AdapterRecipe.Parse($"{{ method: {adapter}, rank: 4, dropout: 0.1 }}"),
        Training = new TrainingOptions
        {
            Epochs = 2, BatchSize = 8, MicroBatchSize = 4, LearningRate = 5e-3, CutoffLength = 256, Threads = 1,
        },
        Output = _folder.File($"run-{Interlocked.Increment(ref _runs)}"),
    };

    internal static TrainingResult Run(Recipe recipe, Recorder? recorder = null, bool resume = false, bool overwrite = false,
        CancellationToken cancel = default) => TrainingRun.Execute(recipe, recorder ?? new Recorder(), resume, overwrite, cancel);

    /// <summary>Runs until so many steps are done.</summary>
    internal static TrainingResult RunUntil(Recipe recipe, int step, bool resume = false)
    {
        using var cancel = new CancellationTokenSource();
        return Run(recipe, new Recorder { OnStep = m => { if (m.Step == step) cancel.Cancel(); } }, resume, cancel: cancel.Token);
    }

    /// <summary>What of the metrics must be the same in every repetition: all but speed and memory.</summary>
    public static string[] Losses(string run) =>
        [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            return string.Join(" ", json.RootElement.EnumerateObject()
                .Where(p => p.Name is not ("tokens_per_second" or "resident_mb"))
                .Select(p => $"{p.Name}={p.Value.GetRawText()}"));
        })];

    /// <summary>Every file of a folder with its content.</summary>
    public static Dictionary<string, byte[]> Files(string folder) =>
        Directory.EnumerateFiles(folder).ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);

    public void Dispose() => _folder.Dispose();
}
