using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>Registry of benchmarks.</summary>
public static class BenchmarkSuite
{
    /// <summary>All benchmarks. To add one, write its class in this folder and add it to this list.</summary>
    public static IReadOnlyList<IBenchmark> All { get; } =
    [
        new HeldOut(),
        new UserFile(),
        new Perplexity(),
        new Gsm8kBenchmark(),
        new Aqua(),
        new StrategyQa(),
        new CotSets(),
        new Bbh(),
        new Mmlu(),
        new CEval(),
        new Cmmlu(),
        new Mmcu(),
        new Arc(),
        new HellaSwag(),
        new BoolQ(),
        new TruthfulQa(),
        new HumanEval(),
        new BelleEval(),
        new SelfInstruct(),
        MtBench.Vicuna80,
        MtBench.TwoTurns,
        new AlpacaEval(),
    ];

    /// <summary>Finds a benchmark by name.</summary>
    /// <exception cref="InputException">The name is unknown; the message suggests the nearest one.</exception>
    public static IBenchmark Find(string name) =>
        All.FirstOrDefault(b => b.About.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new InputException($"unknown benchmark \"{name}\". "
            + Spelling.Suggestion(name, [.. All.Select(b => b.About.Name)]));

    /// <summary>Reads a benchmark's questions, up to the limit in the options.</summary>
    /// <exception cref="InputException">The data is invalid, contains no question, or contains a duplicate id.</exception>
    public static IReadOnlyList<BenchmarkQuestion> Read(IBenchmark benchmark, string path, BenchmarkOptions options)
    {
        var all = InputBoundary.Read(path, () => benchmark.Read(path, options).ToList());
        if (all.Count == 0) throw new InputException($"{path}: the data contains no question.");
        if (all.GroupBy(q => q.Id).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InputException($"{path}: two questions have the id \"{twice.Key}\".");
        if (options.Limit is not { } limit || limit >= all.Count) return all;
        return [.. all.Index().GroupBy(q => q.Item.Category)
            .SelectMany(category => category.Select((q, turn) => (q.Index, q.Item, Turn: turn)))
            .OrderBy(q => q.Turn).ThenBy(q => q.Index).Take(limit).OrderBy(q => q.Index).Select(q => q.Item)];
    }
}
