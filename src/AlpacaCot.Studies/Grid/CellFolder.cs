using System.Globalization;
using System.Text;
using System.Text.Json;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Text;
using AlpacaCot.Training;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>
/// Where a cell's work is kept, by the fingerprint of everything it depends on: the resolved recipe, the content of model, data
/// and template, and the program's version. Scores are not kept but computed from the answers each time, so that they always
/// are those of the present scorers.
/// </summary>
/// <param name="Path">The folder.</param>
/// <param name="Fingerprint">SHA-256 of what it depends on.</param>
public sealed record CellFolder(string Path, string Fingerprint)
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    /// <summary>The folder of a cell in a study's output.</summary>
    /// <param name="study">The study.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="contents">Fingerprints of files and folders that were computed before.</param>
    public static CellFolder Of(Study study, StudyCell cell, IDictionary<string, string> contents)
    {
        var fingerprint = FingerprintOf(cell, contents);
        var cells = System.IO.Path.Combine(study.Output, "cells");
        var mark = fingerprint[..12];
        // A renamed arm finds its work again.
        var found = Directory.Exists(cells) ? Directory.GetDirectories(cells, $"*-{mark}").FirstOrDefault() : null;
        return new CellFolder(found ?? System.IO.Path.Combine(cells, $"{Slug(cell.Name)}-{mark}"), fingerprint);
    }

    /// <summary>The run folder of its training.</summary>
    public string Run => System.IO.Path.Combine(Path, "run");

    /// <summary>Its resolved recipe.</summary>
    public string Recipe => System.IO.Path.Combine(Path, "recipe.yaml");

    /// <summary>What the process that works on it reads.</summary>
    public string Order => System.IO.Path.Combine(Path, "cell.json");

    /// <summary>A line for each part of the work that was done here: what it was and how many seconds it took.</summary>
    public string Times => System.IO.Path.Combine(Path, "times.jsonl");

    /// <summary>What its training took; see <see cref="CellMetrics"/>.</summary>
    public string Metrics => System.IO.Path.Combine(Path, "metrics.json");

    /// <summary>Why its training was refused; null where it was not.</summary>
    public string? Refusal => File.Exists(RefusalFile) ? File.ReadAllText(RefusalFile) : null;

    /// <summary>Where <see cref="Refusal"/> stands.</summary>
    internal string RefusalFile => System.IO.Path.Combine(Path, "refused.txt");

    /// <summary>The trained adapter or model; null before the training is done.</summary>
    public string? Trained =>
        new[] { "adapter", "model" }.Select(name => System.IO.Path.Combine(Run, name)).FirstOrDefault(Directory.Exists);

    /// <summary>The answers to a benchmark.</summary>
    public string Answers(AskedBenchmark asked) =>
        System.IO.Path.Combine(Path, "answers", $"{asked.Benchmark.Name}-{asked.Fingerprint[..8]}.jsonl");

    /// <summary>Whether all that a study needs of it is there.</summary>
    public bool IsFinished(IReadOnlyList<AskedBenchmark> asked) => asked.All(a => File.Exists(Answers(a)));

    /// <summary>Writes what the process that works on it needs to know.</summary>
    public void WriteOrder(StudyCell cell, IReadOnlyList<AskedBenchmark> asked, int threads)
    {
        AtomicFile.WriteText(Recipe, RecipeFile.Write(cell.Recipe with { Output = Run }));
        AtomicFile.WriteText(Order, JsonSerializer.Serialize(new CellOrder
        {
            Name = cell.Name, Fingerprint = Fingerprint, Trains = cell.Arm.Trains, Threads = threads, Asked = asked,
        }, Readable));
    }

    /// <summary>Reads what is to be done in a folder.</summary>
    /// <exception cref="InputException">It is no folder of a cell.</exception>
    public static (CellFolder Folder, CellOrder Order) Open(string path)
    {
        var file = System.IO.Path.Combine(path, "cell.json");
        if (!File.Exists(file)) throw new InputException($"{path} is no cell of a study: it has no cell.json");
        var order = JsonSerializer.Deserialize<CellOrder>(File.ReadAllText(file))
            ?? throw new InputException($"{file}: this is no cell of a study");
        return (new CellFolder(path, order.Fingerprint), order);
    }

    private static string FingerprintOf(StudyCell cell, IDictionary<string, string> contents)
    {
        string Content(string path)
        {
            lock (contents)
                return contents.TryGetValue(path, out var known) ? known : contents[path] = ContentFingerprint.Of(path);
        }
        var recipe = cell.Recipe;
        var what = new List<string>
        {
            typeof(CellFolder).Assembly.GetName().Version!.ToString(3),
            Content(recipe.Model.Path ?? recipe.Model.Init!),
            recipe.Model.Tokenizer is { } tokenizer ? Content(tokenizer) : "",
            RecipeTemplate.Of(recipe).Format.ToJson(),
        };
        // Where things lie and what they are called changes nothing.
        DataSpec Placeless(DataSpec data) => data with { Path = Content(data.Path), Name = null };
        if (cell.Arm.Trains)
            what.Add(RecipeFile.Write(recipe with
            {
                Output = "", Model = new ModelSpec { Path = recipe.Model.Path is null ? null : "model",
                    Init = recipe.Model.Init is null ? null : "init" },
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

/// <summary>What a process is to do in a cell's folder.</summary>
public sealed record CellOrder
{
    /// <summary>The cell's name.</summary>
    public required string Name { get; init; }

    /// <summary>The fingerprint of what it depends on.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Whether there is something to train.</summary>
    public required bool Trains { get; init; }

    /// <summary>Threads of the tensor library.</summary>
    public required int Threads { get; init; }

    /// <summary>What to ask.</summary>
    public required IReadOnlyList<AskedBenchmark> Asked { get; init; }
}

/// <summary>A benchmark as a cell is asked it.</summary>
/// <param name="Benchmark">The benchmark of the study.</param>
/// <param name="Trigger">The text behind every question, of the arm or of the benchmark.</param>
/// <param name="Fingerprint">SHA-256 of its data and of how it is asked.</param>
public sealed record AskedBenchmark(StudyBenchmark Benchmark, string? Trigger, string Fingerprint)
{
    /// <summary>A benchmark for an arm.</summary>
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

    /// <summary>How it is asked.</summary>
    public BenchmarkOptions Options => Benchmark.Options with { Trigger = Trigger };
}
