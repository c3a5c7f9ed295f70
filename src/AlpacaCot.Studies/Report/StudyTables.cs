using System.Globalization;
using System.Text;
using AlpacaCot.Studies.Analysis;
using AlpacaCot.Studies.Grid;

namespace AlpacaCot.Studies.Report;

/// <summary>The tables of a study.</summary>
internal static class StudyTables
{
    /// <summary>Every arm on every measure, with its difference from the reference.</summary>
    public static ReportTable Scores(StudyAnalysis analysis, Words words) => new("scores", words.Say("Scores", "得分"),
        words.Say($"Points, mean over seeds, 95 % interval over questions, followed by the difference from "
            + $"{analysis.Study.Reference.Name}, "
            + "coloured if significant.",
            $"分数为各种子的平均值，方括号内为按题目重抽样的 95 % 区间；其后是与 {analysis.Study.Reference.Name} 之差，确有差别时着色。"),
        [words.Say("arm", "组"), .. analysis.Measures.Select(words.Head)],
        [.. analysis.Results.Arms.Select(arm => (IReadOnlyList<ReportCell>)
            [arm.Name, .. analysis.Measures.Select(m => Score(analysis, analysis.Score(arm, m)))])]);

    private static ReportCell Score(StudyAnalysis analysis, ArmScore score)
    {
        if (score.Mean is null) return new("–", Mark: Mark.Muted);
        var compared = analysis.Comparisons.FirstOrDefault(c => c.Arm == score.Arm && c.Measure == score.Measure);
        return new(Words.Points(score.Mean), Words.Interval(score.Interval),
            compared is null ? null : Words.Signed(compared.Difference),
            compared is null ? Mark.None : compared.Verdict != ComparisonVerdict.Different ? Mark.Muted : compared.Difference > 0
                ? Mark.Up
                : Mark.Down);
    }

    /// <summary>Every comparison with its statistics.</summary>
    public static ReportTable Comparisons(StudyAnalysis analysis, Words words) => new("comparisons",
        words.Say($"Differences from {analysis.Study.Reference.Name}", $"与 {analysis.Study.Reference.Name} 之差"),
        words.Say("Intervals by paired bootstrap (BCa), p by paired permutation over the same questions, corrected after Holm "
            + "for all "
            + $"{analysis.Comparisons.Count} comparisons. Different: the interval excludes zero and the corrected p is below "
            + $"{StudyAnalysis.Level}. Unchanged: the interval is in ±{Words.Points(analysis.Study.Margin)} points of a hundred. "
                + "Open: neither.",
            $"区间由配对自助法（BCa）得出，p 值由同题配对置换检验得出，并按 Holm 法对全部 {analysis.Comparisons.Count} 个比较作校正。"
            + $"有差别：区间不含零且校正后 p 小于 {StudyAnalysis.Level}；无变化：区间在 ±{Words.Points(analysis.Study.Margin)} 分（百分制）以内；未定：两者皆非。"),
        [words.Say("arm", "组"), words.Say("measure", "指标"), words.Say("points", "分差"), words.Say("95 % interval", "95 % 区间"),
            words.Say("p (Holm)", "p（Holm）"), words.Say("effect d", "效应量 d"), words.Say("better / worse", "变好 / 变差"),
            words.Say("seeds", "种子"), words.Say("verdict", "结论")],
        [.. analysis.Comparisons.Select(c => (IReadOnlyList<ReportCell>)
        [
            c.Arm.Name, words.Head(c.Measure),
            new(Words.Signed(c.Difference), Mark: c.Verdict != ComparisonVerdict.Different ? Mark.None : c.Difference > 0
                ? Mark.Up
                : Mark.Down),
            Words.Interval(c.Interval), Findings.P(c.CorrectedP)[2..].TrimStart('=', ' '),
            c.Paired.EffectSize is { } d ? d.ToString("0.00;−0.00", CultureInfo.InvariantCulture) : "–",
            $"{c.Paired.Wins} / {c.Paired.Losses}", $"{c.SeedsAgree} / {c.SeedPairs}", words.Verdict(c.Verdict),
        ])]);

    /// <summary>The score of each seed, and their variation.</summary>
    public static ReportTable Seeds(StudyAnalysis analysis, Words words) => new("seeds", words.Say("Seeds", "随机种子"),
        words.Say("Score of each seed, with ± their standard deviation.", "每个种子的得分，以及 ± 标准差。"),
        [words.Say("arm", "组"), .. analysis.Measures.Select(words.Head)],
        [.. analysis.Results.Arms.Select(arm => (IReadOnlyList<ReportCell>)
        [
            arm.Name, .. analysis.Measures.Select(m => analysis.Score(arm, m)).Select(s =>
                new ReportCell(string.Join("  ", s.Seeds.Select(seed => Words.Points(seed.Mean))),
                    s.Variation?.Deviation is { } deviation ? $"± {Words.Points(deviation)}" : null)),
        ])]);

    /// <summary>Cost of each arm.</summary>
    public static ReportTable Costs(StudyAnalysis analysis, Words words)
    {
        var threads = analysis.Study.Threads ?? Environment.ProcessorCount;
        return new("costs", words.Say("Cost", "代价"),
            words.Say($"Time on this machine, threads per cell: {threads}, all seeds together; killed work is not "
                + "counted. "
                + $"Energy is an estimate: {Energy.WattsACore:0} W for each busy core, {Energy.WattsAGpu:0} W for a GPU.",
                $"时间为本机实测（每个单元 {threads} 个线程），为所有种子之和，不含被中断的工作。能耗为估计：每个忙碌的核心 {Energy.WattsACore:0} 瓦，GPU {Energy.WattsAGpu:0} "
                    + "瓦。"),
            [words.Say("arm", "组"), words.Say("steps a seed", "每种子步数"), words.Say("tokens a seed", "每种子词元"),
                words.Say("training", "训练时间"), words.Say("answering", "答题时间"), words.Say("energy", "能耗")],
            [.. analysis.Results.Arms.Select(arm => Row(arm.Name, analysis.Results.Of(arm)))]);

        IReadOnlyList<ReportCell> Row(string name, IReadOnlyList<CellResult> cells)
        {
            var training = cells.Sum(c => c.Seconds.Where(s => s.Part == "training").Sum(s => s.Seconds));
            var answering = cells.Sum(c => c.Seconds.Where(s => s.Part != "training").Sum(s => s.Seconds));
            return
            [
                name, Words.Count(cells.Average(c => c.Losses.Count > 0 ? c.Losses[^1].Step : 0)),
                    Words.Count(cells.Average(c => c.Tokens)),
                new(Words.Seconds(training), Mark: Mark.Measured), new(Words.Seconds(answering), Mark: Mark.Measured),
                new(Energy.Text((training + answering) * threads), Mark: Mark.Measured),
            ];
        }
    }

    /// <summary>Trained parameters, cost and score of each arm; for refused arms the reason.</summary>
    public static ReportTable Training(StudyAnalysis analysis, Words words)
    {
        var study = analysis.Study;
        var wholes = analysis.Measures.Where(m => m.Category is null).ToList();
        var factors = study.Arms[0].Levels.Select(l => l.Factor).ToList();
        return new("training", words.Say("Training and score", "训练与得分"),
            words.Say("Each cell is trained in its own process. Memory is its peak resident size until the end of "
                + "training, program and libraries included; token rates use the processor time of all threads, so that other "
                + $"load on the machine does not matter. Scores as above, with the difference from {study.Reference.Name}.",
                "每个单元在各自的进程中训练。内存为训练结束前该进程的最大常驻内存（含程序与库）；词元速度按所有线程的处理器时间计，"
                + $"不受机器上其他程序影响。得分同上，其后是与 {study.Reference.Name} 之差。"),
            [.. factors, words.Say("trained parameters", "训练参数"), "%", words.Say("peak memory, MB", "内存峰值 (MB)"),
                words.Say("tokens / core second", "词元 / 核秒"), .. wholes.Select(m => m.About.Title)],
            [.. study.Arms.Select(Row).OfType<IReadOnlyList<ReportCell>>()]);

        IReadOnlyList<ReportCell>? Row(StudyArm arm)
        {
            var cells = analysis.Results.Of(arm);
            ReportCell[] names = [.. factors.Select(f => new ReportCell(arm.Levels.FirstOrDefault(l => l.Factor == f)?.Name
                ?? (f == factors[0] ? arm.Name : "–")))];
            if (analysis.Results.Refused.FirstOrDefault(r => r.Arm == arm).Reason is { } reason)
                return [.. names, .. Enumerable.Repeat(new ReportCell("–"), 4),
                    new($"{words.Say("refused", "不可行")}: {reason}"), .. wholes.Skip(1).Select(_ => new ReportCell("–"))];
            if (cells.Count == 0) return null;
            var measured = cells.Select(c => c.Metrics).OfType<CellMetrics>().ToList();
            string Mean(string format, Func<CellMetrics, double> value) => measured.Count == 0 ? "–"
                : measured.Average(value).ToString(format, CultureInfo.InvariantCulture);
            return
            [
                .. names, Mean("N0", m => m.TrainableParameters), Mean("0.###", m => m.TrainablePercent()),
                new(Mean("N0", m => m.PeakBytes / 1e6), Mark: Mark.Measured),
                new(Mean("N0", m => m.TokensPerProcessorSecond), Mark: Mark.Measured),
                .. wholes.Select(m => Score(analysis, analysis.Score(arm, m))),
            ];
        }
    }

    /// <summary>All scores of all cells as CSV, one line per cell and measure.</summary>
    public static string ScoresCsv(StudyAnalysis analysis)
    {
        var csv = new StringBuilder("arm,seed,measure,questions,mean\n");
        foreach (var cell in analysis.Results.Cells)
            foreach (var measure in analysis.Measures)
                if (measure.ScoresOf(cell) is { Count: > 0 } scores)
                    csv.Append(CultureInfo.InvariantCulture,
                        $"{Csv(cell.Cell.Arm.Name)},{cell.Cell.Seed},{Csv(measure.Name)},{scores.Count},"
                        + $"{scores.Values.Average() * measure.About.Scale:0.####}\n");
        return csv.ToString();
    }

    /// <summary>Every comparison as CSV at full precision.</summary>
    public static string ComparisonsCsv(StudyAnalysis analysis)
    {
        var csv = new StringBuilder("arm,measure,questions,reference,arm_mean,difference,low,high,p,corrected_p,")
            .Append("effect_size,better,worse,verdict\n");
        foreach (var c in analysis.Comparisons)
            csv.Append(CultureInfo.InvariantCulture, $"{Csv(c.Arm.Name)},{Csv(c.Measure.Name)},{c.Paired.Questions},")
                .Append(CultureInfo.InvariantCulture,
                    $"{c.Paired.First * c.Measure.About.Scale:0.####},{c.Paired.Second * c.Measure.About.Scale:0.####},")
                .Append(CultureInfo.InvariantCulture, $"{c.Difference:0.####},{c.Interval.Low:0.####},{c.Interval.High:0.####},")
                .Append(CultureInfo.InvariantCulture,
                    $"{c.Paired.PValue:0.######},{c.CorrectedP:0.######},{c.Paired.EffectSize:0.####},")
                .Append(CultureInfo.InvariantCulture,
                    $"{c.Paired.Wins},{c.Paired.Losses},{c.Verdict.ToString().ToLowerInvariant()}\n");
        return csv.ToString();
    }

    private static string Csv(string text) =>
        text.AsSpan().IndexOfAny(",\"\n") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}

/// <summary>Estimates electrical energy from time.</summary>
internal static class Energy
{
    /// <summary>Power of a busy core, in watts, including its share of memory and board, for current servers.</summary>
    public const double WattsACore = 12;

    /// <summary>Power of a busy data centre GPU, in watts.</summary>
    public const double WattsAGpu = 400;

    /// <summary>Energy for the given core seconds, as text.</summary>
    public static string Text(double coreSeconds)
    {
        var watthours = coreSeconds * WattsACore / 3600;
        return watthours < 1000 ? string.Create(CultureInfo.InvariantCulture, $"{watthours:0.#} Wh")
            : string.Create(CultureInfo.InvariantCulture, $"{watthours / 1000:0.##} kWh");
    }
}
