using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>The benchmarks there are.</summary>
public static class BenchmarkSuite
{
    /// <summary>All benchmarks. To add one, write its file beside this one and its line here.</summary>
    public static IReadOnlyList<IBenchmark> All { get; } =
    [
        new HeldOut(),
        new UserFile(),
        new Perplexity(),
        new Gsm8k(),
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

    /// <summary>The benchmark of a name.</summary>
    /// <exception cref="InputException">There is none; the message offers the nearest.</exception>
    public static IBenchmark Find(string name) =>
        All.FirstOrDefault(b => b.About.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new InputException($"there is no benchmark \"{name}\". "
            + Spelling.Suggestion(name, [.. All.Select(b => b.About.Name)]));

    /// <summary>Reads a benchmark's questions, no more than the limit of the options.</summary>
    /// <exception cref="InputException">The data cannot be used, holds no question, or holds two with the same id.</exception>
    public static IReadOnlyList<BenchmarkQuestion> Read(IBenchmark benchmark, string path, BenchmarkOptions options)
    {
        var all = benchmark.Read(path, options).ToList();
        if (all.Count == 0) throw new InputException($"{path}: there is no question in it.");
        if (all.GroupBy(q => q.Id).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InputException($"{path}: two questions have the id \"{twice.Key}\".");
        if (options.Limit is not { } limit || limit >= all.Count) return all;
        return [.. all.Index().GroupBy(q => q.Item.Category)
            .SelectMany(category => category.Select((q, turn) => (q.Index, q.Item, Turn: turn)))
            .OrderBy(q => q.Turn).ThenBy(q => q.Index).Take(limit).OrderBy(q => q.Index).Select(q => q.Item)];
    }
}
