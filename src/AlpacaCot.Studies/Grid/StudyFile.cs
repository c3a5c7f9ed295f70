using AlpacaCot.Configuration;
using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Studies.Published;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;
using StudyKey = AlpacaCot.Configuration.Key<AlpacaCot.Studies.Grid.StudySpec>;

namespace AlpacaCot.Studies.Grid;

/// <summary>The combinations of factor levels in a study.</summary>
internal enum StudyDesign
{
    /// <summary>Every combination.</summary>
    Grid,

    /// <summary>The first level of every factor, and every single change from it.</summary>
    OneAtATime,
}

/// <summary>The content of a study file, before its grid is expanded.</summary>
internal sealed record StudySpec
{
    public string? Title { get; init; }
    public ConfigurationNode? Recipe { get; init; }
    public ConfigurationNode.Mapping? Set { get; init; }
    public ConfigurationNode.Mapping? Factors { get; init; }
    public StudyDesign Design { get; init; }
    public IReadOnlyList<int> Seeds { get; init; } = [42];
    public bool Base { get; init; }
    public string? Reference { get; init; }
    public IReadOnlyList<StudyBenchmark> Benchmarks { get; init; } = [];
    public JudgeSpec? Judge { get; init; }
    public int? Threads { get; init; }
    public double Margin { get; init; } = 5;
    public IReadOnlyList<string> Published { get; init; } = [];
    public string Output { get; init; } = "";
}

/// <summary>
/// Studies as YAML. Paths are relative to the study's own folder, those of its recipe to the recipe's; <c>output</c> is relative
/// to the current folder.
/// </summary>
public static class StudyFile
{
    /// <summary>The schema of study files, for messages.</summary>
    internal static readonly Schema Schema = new("study")
    {
        Documented = () => Keys!,
        Remedies = RecipeFile.Keys.Select(k => k.Name).GroupBy(name => name[(name.LastIndexOf('.') + 1)..])
            .ToDictionary(same => same.Key, same =>
                $"{same.First()} is a key of recipes: write it under recipe:, or under set: as "
                + $"{same.First()}: VALUE"),
        Others = [("model", "recipe", "train"), ("data", "recipe", "train"), ("adapter", "recipe", "train"),
            ("training", "recipe", "train")],
        Marks = ["recipe", "factors", "benchmarks"],
    };

    private static readonly StudyKey[] Table =
    [
        StudyKey.Text("title", "a text", "the title of the report", s => s.Title, (s, v) => s with { Title = v }),
        new("recipe", "a recipe file, or a recipe as a map", "the recipe of every cell; arms change it",
            (s, node, _) => s with { Recipe = node }, _ => null),
        new("set", "a map such as { training.epochs: 1 }", "overrides of recipe keys for all cells",
            (s, node, context) => node is ConfigurationNode.Mapping map ? s with { Set = map }
                : context.Wrong(s, node, "a map such as { training.epochs: 1 }"), _ => null),
        new("factors", "a map of factors, each a list of levels",
            "the factors that differ between arms: recipe keys or data, each with its levels",
            (s, node, context) => node is ConfigurationNode.Mapping map ? s with { Factors = map }
                : context.Wrong(s, node, "a map such as { data: leave-one-out, adapter.rank: [4, 8] }"), _ => null),
        StudyKey.Word("design", "grid: every combination of levels; one-at-a-time: single changes from the first levels",
            s => (StudyDesign?)s.Design, (s, v) => s with { Design = v },
            new Words<StudyDesign>((StudyDesign.Grid, "grid"), (StudyDesign.OneAtATime, "one-at-a-time"))),
        new("seeds", "a list of whole numbers such as [1, 2, 3]", "the seeds; every arm is trained once with each",
            ReadSeeds, s => $"[{string.Join(", ", s.Seeds)}]"),
        StudyKey.Flag("base", "adds the untrained model as an arm named base",
            s => s.Base, (s, v) => s with { Base = v }),
        StudyKey.Text("reference", "the name of an arm", "the arm that others are compared with; default: the first",
            s => s.Reference, (s, v) => s with { Reference = v }),
        new("benchmarks", "a list of maps such as { name: gsm8k, path: data/test.jsonl }", "the benchmarks of every cell",
            ReadBenchmarks, _ => null),
        new("judge", "a map such as { endpoint: http://localhost:8000/v1, model: NAME } or { folder: DIR }",
            "the judge, which grades the answers of benchmarks that need one", ReadJudge, _ => null),
        StudyKey.Whole("threads", 1, "threads of each cell; as many cells run in parallel as the cores allow",
            s => s.Threads, (s, v) => s with { Threads = v }),
        StudyKey.Number("margin", "a number above 0", v => v > 0,
            "equivalence margin in percentage points; smaller differences count as none",
            s => s.Margin, (s, v) => s with { Margin = v }),
        new("published", "a list of names of published tables", "published results to show beside the study's",
            ReadPublished, _ => null),
        StudyKey.Text("output", "a folder", "the folder of cells and report; a relative path starts from the current folder",
            s => s.Output, (s, v) => s with { Output = v }),
    ];

    private static readonly Key<StudyBenchmark>[] BenchmarkTable =
    [
        Key<StudyBenchmark>.Text("name", "the name of a benchmark", "the benchmark",
            b => b.Name, (b, v) => b with { Name = v }),
        Key<StudyBenchmark>.FilePath("path", "a file, a folder, or a name that data is known by",
            "the benchmark's data; default: downloaded data, or data of this name in data/",
            b => b.Path, (b, v) => b with { Path = v }),
        Key<StudyBenchmark>.Whole("limit", 1, "the maximum number of questions", b => b.Limit, (b, v) => b with { Limit = v }),
        Key<StudyBenchmark>.Whole("shots", 0, "the number of solved examples before each question (few-shot)",
            b => b.Shots, (b, v) => b with { Shots = v }),
        Key<StudyBenchmark>.Text("trigger", "a text", "a text appended to every question", b => b.Trigger,
            (b, v) => b with { Trigger = v }),
        Key<StudyBenchmark>.Whole("max_new_tokens", 1, "the maximum number of tokens in an answer",
            b => b.MaxNewTokens, (b, v) => b with { MaxNewTokens = v }),
    ];

    private static readonly Key<JudgeSpec>[] JudgeTable =
    [
        new("endpoint", "an address such as http://localhost:8000/v1",
            $"an OpenAI-compatible endpoint; its access key is read from the environment variable {JudgeSpec.KeyVariable}",
            (j, node, context) => node is ConfigurationNode.Scalar s && Uri.TryCreate(s.Text, UriKind.Absolute, out var address)
                && address.Scheme is "http" or "https" ? j with { Endpoint = address }
                : context.Wrong(j, node, "an address such as http://localhost:8000/v1"), _ => null),
        Key<JudgeSpec>.Text("model", "a name", "the judge's name at its endpoint", j => j.Model, (j, v) => j with { Model = v }),
        Key<JudgeSpec>.FilePath("folder", "a model folder", "a local model as the judge",
            j => j.Folder, (j, v) => j with { Folder = v }),
        Key<JudgeSpec>.FilePath("prompts", "a folder",
            $"a folder of prompt files that replace the built-in ones: {string.Join(", ", JudgePrompts.Names)} (.txt)",
                j => j.Prompts,
            (j, v) => j with { Prompts = v }),
        new("price", "two prices such as [0.15, 0.6]", "the prices of a million input and output tokens",
            (j, node, context) => node.Words is { } words && JudgeSpec.TryPrice(string.Join(',', words), out var price)
                ? j with { Price = price } : context.Wrong(j, node, "two prices such as [0.15, 0.6]"), _ => null),
        Key<JudgeSpec>.Number("timeout", "seconds above 0", v => v is > 0 and <= 86400,
            "the time limit of one request, in seconds",
            j => j.Timeout, (j, v) => j with { Timeout = v }),
        Key<JudgeSpec>.Whole("parallel", 1, "the number of concurrent requests",
            j => j.Parallel, (j, v) => j with { Parallel = v }),
    ];

    /// <summary>All keys of a study file; others are rejected.</summary>
    public static IReadOnlyList<DocumentedKey> Keys { get; } =
    [
        .. Table.Select(k => new DocumentedKey(k.Name, k.Allowed, k.Write(new StudySpec()) ?? "", k.Meaning)),
        .. BenchmarkTable.Select(k => new DocumentedKey($"benchmarks.{k.Name}", k.Allowed, "", k.Meaning)),
        .. JudgeTable.Select(k => new DocumentedKey($"judge.{k.Name}", k.Allowed, k.Write(new JudgeSpec()) ?? "", k.Meaning)),
        .. StudyLevels.Keys.Select(k => k with { Name = $"factors.{k.Name}" }),
    ];

    /// <summary>Reads a study and expands its grid.</summary>
    /// <param name="path">The file.</param>
    /// <param name="files">Whether models and data must exist; without them a study can be planned but not run.</param>
    /// <exception cref="InputException">
    /// The file, or a recipe of its grid, has errors; the message names file, line, key, found value and allowed values.
    /// </exception>
    public static Study Load(string path, bool files = true)
    {
        if (Directory.Exists(path)) throw new InputException($"{path} is a folder; pass the study file in it");
        if (!File.Exists(path)) throw new InputException($"{path}: the study file does not exist");
        return InputBoundary.Read(path, () => Read(path, files));
    }

    private static Study Read(string path, bool files)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var problems = new Problems(path);
        var root = ConfigurationNode.Parse(File.ReadAllText(path), path, Schema, folder);
        if (root is ConfigurationNode.Mapping map) Section.RequireKind(map, path, Schema);
        var spec = Section.Read(root, Table, null, new StudySpec(), new KeyContext("study", folder, problems, Schema));
        Require(spec, problems);
        if (files && spec.Judge is { } judge)
            foreach (var absent in new[] { judge.Folder, judge.Prompts }.Where(f => f is not null && !Directory.Exists(f)))
                problems.AddAt("study.judge", $"judge: the folder {absent} does not exist");
        if (!problems.Any || files)
            spec = spec with { Benchmarks = [.. spec.Benchmarks.Select(b => Locate(b, folder, files, problems))] };
        // The errors of the recipe and of the arms are reported together with those of the study.
        Study? study = null;
        if (spec.Recipe is not null)
            try
            {
                study = StudyExpansion.Expand(spec, path, files);
            }
            catch (InputException wrong) when (problems.Any || wrong.Problems is not null)
            {
                problems.Include(wrong);
            }
        problems.ThrowIfAny();
        return study!;
    }

    private static StudyBenchmark Locate(StudyBenchmark benchmark, string folder, bool files, Problems problems)
    {
        if (Path.Exists(benchmark.Path)) return benchmark;
        var named = benchmark.Path.Length == 0 ? null : Path.GetRelativePath(folder, benchmark.Path);
        try
        {
            var data = BenchmarkData.Find(BenchmarkSuite.Find(benchmark.Name).About, named,
                [DataFolder.Default, Path.Combine(folder, "data")]);
            return benchmark with { Path = Path.GetFullPath(data.Path), Set = data.Set?.Entry.Name };
        }
        catch (InputException absent)
        {
            if (files && BenchmarkSuite.All.Any(b => b.About.Name.Equals(benchmark.Name, StringComparison.OrdinalIgnoreCase)))
                problems.AddAt("study.benchmarks", absent.Message);
            return benchmark;
        }
    }

    private static void Require(StudySpec spec, Problems problems)
    {
        if (spec.Recipe is null) problems.AddAt("study", "recipe is missing; add for example recipe: my-recipe.yaml");
        if (spec.Benchmarks.Count == 0)
            problems.AddAt("study", "benchmarks is missing; add for example benchmarks: [{ name: gsm8k, path: test.jsonl }]");
        if (spec.Output.Length == 0) problems.AddAt("study", "output is missing; add for example output: runs/my-study");
        if (spec.Factors is null && !spec.Base)
            problems.AddAt("study",
                "factors is missing, so no arms can be compared; add for example factors: { data: leave-one-out }");
    }

    private static StudySpec ReadSeeds(StudySpec spec, ConfigurationNode node, KeyContext context)
    {
        const string Allowed = "a list of whole numbers such as [1, 2, 3]";
        var seeds = (node.Words ?? []).Select(w => int.TryParse(w, out var seed) && seed >= 0 ? seed : -1).ToList();
        return seeds.Count == 0 || seeds.Contains(-1) || seeds.Distinct().Count() < seeds.Count
            ? context.Wrong(spec, node, Allowed + ", each once") : spec with { Seeds = seeds };
    }

    private static StudySpec ReadJudge(StudySpec spec, ConfigurationNode node, KeyContext context)
    {
        var judge = Section.Read(node, JudgeTable, null, new JudgeSpec(), context);
        if (judge.Endpoint is null == judge.Folder is null)
            context.Problems.Add(node.Location, "judge needs either an endpoint or a folder, as in "
                + "judge: { endpoint: http://localhost:8000/v1, model: NAME } or judge: { folder: DIR }");
        else if (judge.Endpoint is not null && judge.Model is null)
            context.Problems.Add(node.Location, "judge: an endpoint needs the name of the judge's model; add model: NAME");
        return spec with { Judge = judge };
    }

    private static StudySpec ReadPublished(StudySpec spec, ConfigurationNode node, KeyContext context)
    {
        if (node.Words is not { } words) return context.Wrong(spec, node, "a list of names of published tables");
        string[] known = [.. PublishedTable.All.Select(t => t.Id)];
        foreach (var unknown in words.Except(known))
            context.Problems.Add(node.Location,
                $"{context.Name}: unknown published table '{unknown}'. {Spelling.Suggestion(unknown, known)}");
        return spec with { Published = words };
    }

    private static StudySpec ReadBenchmarks(StudySpec spec, ConfigurationNode node, KeyContext context)
    {
        var read = new List<StudyBenchmark>();
        foreach (var (i, item) in node.AsList.Index())
        {
            var benchmark = Section.Read(item, BenchmarkTable, null, new StudyBenchmark("", ""),
                context with { Name = $"{context.Name}.{i}" });
            if (benchmark.Name.Length == 0)
                context.Problems.Add(item.Location, "a benchmark needs a name, as in { name: gsm8k, path: data/test.jsonl }");
            else
                try
                {
                    BenchmarkSuite.Find(benchmark.Name);
                }
                catch (InputException unknown)
                {
                    context.Problems.Add(item.Location, unknown.Message);
                }
            read.Add(benchmark);
        }
        return spec with { Benchmarks = read };
    }
}
