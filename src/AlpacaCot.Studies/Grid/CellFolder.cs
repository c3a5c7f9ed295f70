using System.Globalization;
using System.Text;
using System.Text.Json;
using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>
/// Folder of a cell, named by the fingerprint of everything it depends on: the resolved recipe, the content of model, data and
/// template, and the program's version. Scores are not stored but recomputed from the answers, so that they always match the
/// current scorers.
/// </summary>
/// <param name="Path">Path of the folder.</param>
/// <param name="Fingerprint">SHA-256 of everything the cell depends on.</param>
public sealed record CellFolder(string Path, string Fingerprint)
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    /// <summary>The folder of a cell in a study's output.</summary>
    /// <param name="study">The study.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="contents">Cache of content fingerprints by path.</param>
    public static CellFolder Of(Study study, StudyCell cell, IDictionary<string, string> contents)
    {
        var fingerprint = FingerprintOf(cell, contents);
        var cells = System.IO.Path.Combine(study.Output, "cells");
        var mark = fingerprint[..12];
        // Find the folder of an arm that was renamed.
        var found = Directory.Exists(cells) ? Directory.GetDirectories(cells, $"*-{mark}").FirstOrDefault() : null;
        return new CellFolder(found ?? System.IO.Path.Combine(cells, $"{Slug(cell.Name)}-{mark}"), fingerprint);
    }

    /// <summary>Run folder of the training.</summary>
    public string Run => System.IO.Path.Combine(Path, "run");

    /// <summary>File with the resolved recipe.</summary>
    public string Recipe => System.IO.Path.Combine(Path, "recipe.yaml");

    /// <summary>File with the instructions for the worker process.</summary>
    public string Order => System.IO.Path.Combine(Path, "cell.json");

    /// <summary>Log with one JSON line per part of the work: its name and its duration in seconds.</summary>
    public string Times => System.IO.Path.Combine(Path, "times.jsonl");

    /// <summary>File with the cost of the training; see <see cref="CellMetrics"/>.</summary>
    public string Metrics => System.IO.Path.Combine(Path, "metrics.json");

    /// <summary>Why the training was refused; null if it was not.</summary>
    public string? Refusal => File.Exists(RefusalFile) ? File.ReadAllText(RefusalFile) : null;

    /// <summary>File of <see cref="Refusal"/>.</summary>
    internal string RefusalFile => System.IO.Path.Combine(Path, "refused.txt");

    /// <summary>Path of the trained adapter or model; null before the training is finished.</summary>
    public string? Trained =>
        new[] { "adapter", "model" }.Select(name => System.IO.Path.Combine(Run, name)).FirstOrDefault(Directory.Exists);

    /// <summary>File with the answers to a benchmark.</summary>
    public string Answers(AskedBenchmark asked) =>
        System.IO.Path.Combine(Path, "answers", $"{asked.Benchmark.Name}-{asked.Fingerprint[..8]}.jsonl");

    /// <summary>Whether the answers to all benchmarks exist.</summary>
    public bool IsFinished(IReadOnlyList<AskedBenchmark> asked) => asked.All(a => File.Exists(Answers(a)));

    /// <summary>Writes the instructions for the worker process.</summary>
    public void WriteOrder(StudyCell cell, IReadOnlyList<AskedBenchmark> asked, int threads)
    {
        AtomicFile.WriteText(Recipe, RecipeFile.Write(cell.Recipe with { Output = Run }));
        AtomicFile.WriteText(Order, JsonSerializer.Serialize(new CellRequest
        {
            Name = cell.Name, Fingerprint = Fingerprint, Trains = cell.Arm.Trains, Threads = threads, Asked = asked,
        }, Readable));
    }

    /// <summary>Reads the instructions from a folder.</summary>
    /// <exception cref="InputException">The folder is not the folder of a cell.</exception>
    public static (CellFolder Folder, CellRequest Order) Open(string path)
    {
        var file = System.IO.Path.Combine(path, "cell.json");
        if (!File.Exists(file)) throw new InputException($"{path} is not a cell of a study: it has no cell.json");
        var order = InputBoundary.Read(file, () => JsonSerializer.Deserialize<CellRequest>(File.ReadAllText(file)))
            ?? throw new InputException($"{file}: not a cell of a study");
        return (new CellFolder(path, order.Fingerprint), order);
    }

    private static string FingerprintOf(StudyCell cell, IDictionary<string, string> contents)
    {
        string Content(string path)
        {
            lock (contents)
                return contents.TryGetValue(path, out var known) ? known : contents[path] = string.Join('+',
                    (DataFiles.IsPattern(path) ? DataFiles.Find(path) : [path]).Select(ContentFingerprint.Of));
        }
        var recipe = cell.Recipe;
        var what = new List<string>
        {
            typeof(CellFolder).Assembly.GetName().Version!.ToString(3),
            Content(recipe.Model.Path ?? recipe.Model.Init!),
            recipe.Model.Tokenizer is { } tokenizer ? Content(tokenizer) : "",
            RecipeTemplate.Of(recipe).Format.ToJson(),
        };
        if (recipe.Adapter.Init is { } continued) what.Add(Content(continued));
        // Paths and names do not affect the result.
        DataSpec Placeless(DataSpec data) => data with { Path = Content(data.Path), Name = null };
        if (cell.Arm.Trains)
            what.Add(RecipeFile.Write(recipe with
            {
                Output = "", Model = new ModelSpec { Path = recipe.Model.Path is null ? null : "model",
                    Init = recipe.Model.Init is null ? null : "init" },
                Adapter = recipe.Adapter with { Init = null },
                Template = "template", Data = [.. recipe.Data.Select(Placeless)],
                    Validation = [.. recipe.Validation.Select(Placeless)],
            }));
        else if (recipe.QuantizationOptions is { } quantization) what.Add(quantization.Name);
        return AlpacaCot.Text.Fingerprint.Of(string.Join('\0', what));
    }

    private static string Slug(string name)
    {
        var slug = new StringBuilder();
        foreach (var c in name)
            if (char.IsLetterOrDigit(c)) slug.Append(char.ToLower(c, CultureInfo.InvariantCulture));
            else if (slug.Length > 0 && slug[^1] != '-') slug.Append('-');
        var text = slug.ToString().Trim('-');
        return text.Length <= 48 ? text : text[..48].TrimEnd('-');
    }
}

/// <summary>Instructions for the process that works on a cell.</summary>
public sealed record CellRequest
{
    /// <summary>Name of the cell.</summary>
    public required string Name { get; init; }

    /// <summary>Fingerprint of everything the cell depends on.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Whether the cell includes training.</summary>
    public required bool Trains { get; init; }

    /// <summary>Number of threads of the tensor library.</summary>
    public required int Threads { get; init; }

    /// <summary>Benchmarks to run.</summary>
    public required IReadOnlyList<AskedBenchmark> Asked { get; init; }
}

/// <summary>A benchmark with the options of one arm.</summary>
/// <param name="Benchmark">The benchmark of the study.</param>
/// <param name="Trigger">Text appended to every question, from the arm or the benchmark.</param>
/// <param name="Fingerprint">SHA-256 of its data and options.</param>
public sealed record AskedBenchmark(StudyBenchmark Benchmark, string? Trigger, string Fingerprint)
{
    /// <summary>Combines a benchmark with an arm's options.</summary>
    public static AskedBenchmark Of(StudyBenchmark benchmark, StudyArm arm, IDictionary<string, string> contents)
    {
        var trigger = arm.Trigger ?? benchmark.Trigger;
        string data;
        lock (contents)
            data = contents.TryGetValue(benchmark.Path, out var known) ? known
                : contents[benchmark.Path] = ContentFingerprint.Of(benchmark.Path);
        return new(benchmark, trigger, ResponseStore.Key(benchmark.Name, data,
            $"{benchmark.Limit} {benchmark.Shots} {benchmark.MaxNewTokens}",
            trigger ?? "\0"));
    }

    /// <summary>Options for reading the benchmark.</summary>
    public BenchmarkOptions Options => Benchmark.Options with { Trigger = Trigger };
}
