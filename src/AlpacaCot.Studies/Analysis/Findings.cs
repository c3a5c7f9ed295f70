using System.Globalization;
using AlpacaCot.Studies.Grid;

namespace AlpacaCot.Studies.Analysis;

/// <summary>
/// Findings of a study as sentences. A difference, or its absence, is stated only if it is significant; everything else is
/// reported as open.
/// </summary>
/// <param name="analysis">The analysis.</param>
/// <param name="language">Language of the sentences: <c>en</c> or <c>zh</c>.</param>
public sealed class Findings(StudyAnalysis analysis, string language)
{
    private static readonly Dictionary<string, (string English, string Chinese)> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["english"] = ("English", "英语"), ["chinese"] = ("Chinese", "中文"), ["reasoning"] = ("reasoning", "推理"),
        ["all"] = ("the whole", "总体"), ["math"] = ("math", "数学"), ["code"] = ("code", "代码"),
    };

    private readonly bool _chinese = language == "zh";

    /// <summary>One statement per arm, in the order of the arms.</summary>
    public IReadOnlyList<string> Statements =>
        [.. analysis.Comparisons.GroupBy(c => c.Arm).Select(arm => Statement(arm.Key, [.. arm]))];

    /// <summary>One sentence per arm and benchmark with missing scores.</summary>
    public IReadOnlyList<string> Missing =>
        [.. analysis.Missing.Select(m => _chinese
            ? $"{m.Arm.Name}：{m.About.Title} 的 {m.Answers} 个答案中有 {m.Missing} 个没有得分，未计入"
                + $"（{Reasons(m)}）。"
            : $"{m.Arm.Name}: {m.Missing} of {m.Answers} answers to {m.About.Title} have no score and are not counted "
                + $"({Reasons(m)}).")];

    /// <summary>One sentence per arm and benchmark with shortened prompts.</summary>
    public IReadOnlyList<string> Shortened =>
        [.. analysis.Results.Arms.SelectMany(arm => analysis.Results.Of(arm)[0].Runs.Where(run => run.Shortened > 0).Select(run =>
            _chinese ? $"{arm.Name}：{run.Benchmark.Title} 有 {run.Shortened} / {run.Answers.Count} 题的提示"
                + "超出模型长度，已去掉部分示例。"
            : $"{arm.Name}: {run.Shortened} of {run.Answers.Count} prompts of {run.Benchmark.Title} exceeded the model's "
                + "context and lost few-shot examples or their beginning."))];

    private static string Reasons(MissingScores missing) => string.Join("; ", missing.Reasons.Take(3));

    /// <summary>Name of a measure within a sentence.</summary>
    public string Called(Measure measure)
    {
        var name = measure.Category ?? (measure.Only ? "all" : measure.About.Title);
        var said = Known.TryGetValue(name, out var known) ? _chinese ? known.Chinese : known.English : name;
        return measure.Only || measure.Category is null ? said : $"{measure.About.Title} {said}";
    }

    private string Statement(StudyArm arm, IReadOnlyList<StudyComparison> comparisons)
    {
        var parts = new List<string>();
        parts.AddRange(comparisons.Where(c => c.Verdict == ComparisonVerdict.Different).OrderByDescending(c =>
            Math.Abs(c.Difference)).Select(Change));
        foreach (var unit in comparisons.Where(c => c.Verdict == ComparisonVerdict.Unchanged).GroupBy(c => c.Measure.About.Scale))
        {
            var (same, margin) = (unit.ToList(), Points(analysis.Study.Margin / 100 * unit.Key));
            parts.Add(_chinese ? $"{Join(same)}没有变化（在 {margin} 分以内）"
                : $"{Join(same)} {(same.Count == 1 ? "is" : "are")} unchanged within {margin} points");
        }
        var open = comparisons.Where(c => c.Verdict == ComparisonVerdict.Open).ToList();
        if (open.Count > 0)
            parts.Add(_chinese ? $"{Join(open)}未能确定有无差别" : $"for {Join(open)} no difference is established");
        var sentence = $"{Opening(arm)}{(_chinese ? "，" : ", ")}{string.Join(_chinese ? "；" : "; ", parts)}";
        return sentence + (_chinese ? "。" : ".");
    }

    /// <summary>The changed factors, as the beginning of a sentence.</summary>
    private string Opening(StudyArm arm)
    {
        var reference = analysis.Study.Reference;
        if (!arm.Trains && reference.Trains)
            return _chinese ? $"不经训练（与 {reference.Name} 相比）" : $"Without training (against {reference.Name})";
        var changed = arm.Levels.Except(reference.Levels).ToList();
        if (changed is [{ Without.Count: > 0 } level])
            return _chinese ? $"去掉 {string.Join("、", level.Without)} 数据后" : $"Without {string.Join(" and ", level.Without)} data";
        var before = changed.Select(c => reference.Levels.FirstOrDefault(l => l.Factor == c.Factor)?.Name ?? reference.Name);
        var (now, then) = changed.Count == 0 ? (arm.Name, reference.Name)
            : (string.Join(" · ", changed.Select(c => c.Name)), string.Join(" · ", before));
        return _chinese ? $"以 {now} 代替 {then} 时" : $"With {now} instead of {then}";
    }

    private string Change(StudyComparison c)
    {
        var rises = c.Difference > 0;
        var (low, high) = rises ? (c.Interval.Low, c.Interval.High) : (-c.Interval.High, -c.Interval.Low);
        var size = Points(Math.Abs(c.Difference));
        return _chinese ? $"{Called(c.Measure)}{(rises ? "上升" : "下降")} {size} 分 [{Points(low)}, {Points(high)}]，{P(c.CorrectedP)}"
            : $"{Called(c.Measure)} {(rises ? "rises" : "falls")} by {size} points [{Points(low)}, {Points(high)}], "
                + $"{P(c.CorrectedP)}";
    }

    private string Join(IReadOnlyList<StudyComparison> comparisons)
    {
        var names = comparisons.Select(c => Called(c.Measure)).ToList();
        if (_chinese) return string.Join("、", names);
        return names.Count == 1 ? names[0] : $"{string.Join(", ", names.SkipLast(1))} and {names[^1]}";
    }

    /// <summary>Formats a p-value.</summary>
    public static string P(double value) => value < 0.001 ? "p < 0.001"
        : string.Create(CultureInfo.InvariantCulture, $"p = {value:0.000}");

    private static string Points(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);
}
