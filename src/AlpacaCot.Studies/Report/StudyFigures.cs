using System.Globalization;
using AlpacaCot.Studies.Analysis;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Studies.Grid;

namespace AlpacaCot.Studies.Report;

/// <summary>A figure of a report.</summary>
/// <param name="Name">Base name of its files.</param>
/// <param name="Title">Text above the figure.</param>
/// <param name="Drawing">The drawing.</param>
internal sealed record ReportFigure(string Name, string Title, Drawing Drawing);

/// <summary>Figures of a study, narrow enough to be legible on a phone, side by side on wider
/// screens.</summary>
internal sealed class StudyFigures(StudyAnalysis analysis, Words words)
{
    private const int Width = 460;
    private const int MostArms = 8; // distinguishable lines
    private const int LegendRow = 22, LabelSize = 13;
    private const string Ink = "#1F2933", Quiet = "#616E7C", Grid = "#E4E7EB", Frame = "#9AA5B1";

    private static readonly string[] Colours =
        ["#2F6FB0", "#D9822B", "#3F8F5F", "#8A5BA6", "#C2453D", "#148F9E", "#8D6E63", "#5D6B7A"];

    private readonly IReadOnlyList<StudyArm> _arms = analysis.Results.Arms;

    private Measure Whole => analysis.Measures.FirstOrDefault(m => m.Category is null) ?? analysis.Measures[0];

    /// <summary>The figures for which data exists.</summary>
    public IReadOnlyList<ReportFigure> All
    {
        get
        {
            var figures = new List<ReportFigure> { new("scores", words.Say("Scores with 95 % intervals", "得分与 95 % 区间"),
                Bars()) };
            if (analysis.Measures.Count(m => m.Category is not null) >= 3)
                figures.Add(new("radar", words.Say("By category", "各类得分"), Radar()));
            if (analysis.Results.Cells.Any(c => c.Losses.Count > 1))
                figures.Add(new("learning", words.Say("Training loss", "训练损失"), Learning()));
            if (_arms.Count(a => analysis.Score(a, Whole).Mean is not null && Tokens(a) > 0) >= 2)
                figures.Add(new("cost", words.Say("Score against cost", "得分与代价"), Cost()));
            return figures;
        }
    }

    private string Colour(StudyArm arm) => Colours[IndexOf(arm) % Colours.Length];

    private int IndexOf(StudyArm arm) => _arms.Index().First(a => a.Item == arm).Index;

    private double Of100(StudyArm arm, Measure measure) => (analysis.Score(arm, measure).Mean ?? 0) / measure.About.Scale * 100;

    private double Tokens(StudyArm arm) => analysis.Results.Of(arm).Average(c => c.Tokens);

    // One block per measure with one bar per arm: mean, interval, and a dot per seed.
    private Drawing Bars()
    {
        const int Bar = 24, NameLine = 17, Head = 34, Right = 58, Tail = 26, MostLeft = 190;
        // Names are beside the bars, or above them where one is too long for that.
        var beside = _arms.Max(a => LabelWidth(a.Name)) <= MostLeft - 8;
        var left = beside ? Math.Clamp(8 + _arms.Max(a => LabelWidth(a.Name)), 118, MostLeft) : 12;
        var names = _arms.Select(a => beside ? [a.Name] : Wrapped(a.Name, Width - 20)).ToList();
        int Above(int arm) => beside ? 0 : names[arm].Count * NameLine;
        var starts = _arms.Select((_, i) => Enumerable.Range(0, i).Sum(j => Bar + Above(j))).ToList();
        var block = Head + _arms.Select((_, i) => Bar + Above(i)).Sum() + 8;
        var drawing = new Drawing(Width, analysis.Measures.Count * block + Tail);
        var top100 = analysis.Scores.Max(s => Math.Max(s.Mean ?? 0, s.Interval?.High ?? 0) / s.Measure.About.Scale * 100);
        var most = top100 > 60 ? 100 : Math.Ceiling(top100 / 10 + 0.01) * 10; // of a hundred, independent of the scale
        var scales = analysis.Measures.Select(m => m.About.Scale).Distinct().ToList();
        double X(double of100) => left + (Width - left - Right) * Math.Clamp(of100, 0, most) / most;
        foreach (var (m, measure) in analysis.Measures.Index())
        {
            var top = m * block;
            drawing.Text(words.Head(measure), 8, top + 22, 15, Ink, bold: true);
            for (var tick = 0.0; tick <= most; tick += most / 4)
                drawing.Line(X(tick), top + Head - 4, X(tick), top + block - 8, tick == 0 ? Frame : Grid);
            foreach (var (a, arm) in _arms.Index())
            {
                var score = analysis.Score(arm, measure);
                double At(double points) => X(points / measure.About.Scale * 100);
                var y = top + Head + starts[a] + Above(a) + Bar / 2.0;
                if (beside) drawing.Text(arm.Name, left - 8, y + 4, LabelSize, Ink, Anchor.End);
                else
                    foreach (var (i, line) in names[a].Index())
                        drawing.Text(line, 12, top + Head + starts[a] + i * NameLine + 12, LabelSize, Ink);
                if (score.Mean is not { } mean) continue;
                drawing.Rectangle(X(0), y - 8, Math.Max(1, At(mean) - X(0)), 16, Pale(Colour(arm)), 2);
                drawing.Rectangle(X(0), y - 8, 3, 16, Colour(arm));
                foreach (var (_, seed) in score.Seeds) drawing.Circle(At(seed), y, 2.6, Colour(arm));
                if (score.Interval is { } interval && double.IsFinite(interval.Low))
                {
                    drawing.Line(At(interval.Low), y, At(interval.High), y, Ink, 1.4);
                    foreach (var end in (double[])[interval.Low, interval.High]) drawing.Line(At(end), y - 4, At(end), y + 4, Ink,
                        1.4);
                }
                drawing.Text(Words.Points(mean), Width - 10, y + 4, 13, Ink, Anchor.End, bold: true);
            }
        }
        var bottom = analysis.Measures.Count * block;
        for (var tick = 0.0; tick <= most; tick += most / 4)
            drawing.Text(scales is [var only] ? Number(tick / 100 * only) : $"{Number(tick)} %", X(tick), bottom + 10, 11, Quiet,
                Anchor.Middle);
        return drawing;
    }

    private Drawing Radar()
    {
        var measures = analysis.Measures.Where(m => m.Category is not null).ToList();
        var shown = _arms.Take(MostArms).ToList();
        var drawing = new Drawing(Width, 360 + LegendHeight(shown));
        var (centre, middle, radius) = (Width / 2.0, 178.0, 128.0);
        var most = Math.Max(20, Math.Ceiling(shown.Max(a => measures.Max(m => Of100(a, m))) / 20) * 20);
        (double, double) At(int axis, double share)
        {
            var angle = -Math.PI / 2 + 2 * Math.PI * axis / measures.Count;
            return (centre + radius * share * Math.Cos(angle), middle + radius * share * Math.Sin(angle));
        }
        foreach (var ring in (double[])[0.25, 0.5, 0.75, 1])
        {
            var corners = measures.Select((_, i) => At(i, ring)).ToList();
            foreach (var (i, (x, y)) in corners.Index())
                drawing.Line(x, y, corners[(i + 1) % corners.Count].Item1, corners[(i + 1) % corners.Count].Item2,
                    ring == 1 ? Frame : Grid);
            drawing.Text(Number(most * ring), centre + 4, middle - radius * ring + 12, 11, Quiet);
        }
        foreach (var (i, measure) in measures.Index())
        {
            var (x, y) = At(i, 1);
            drawing.Line(centre, middle, x, y, Grid);
            var (lx, ly) = At(i, 1.12);
            drawing.Text(words.Head(measure), lx, ly + (ly > middle + 20 ? 10 : 0), 13, Ink,
                Math.Abs(lx - centre) < 20 ? Anchor.Middle : lx > centre ? Anchor.Start : Anchor.End, bold: true);
        }
        foreach (var arm in shown)
            drawing.Path([.. measures.Select((m, i) => At(i, Of100(arm, m) / most))], Colour(arm), 2.2,
                closed: true);
        Legend(drawing, shown, 352);
        return drawing;
    }

    private Drawing Learning()
    {
        var cells = analysis.Results.Cells.Where(c => c.Losses.Count > 1 && IndexOf(c.Cell.Arm) < MostArms).ToList();
        var shown = _arms.Take(MostArms).Where(a => cells.Any(c => c.Cell.Arm == a)).ToList();
        var drawing = new Drawing(Width, 330 + LegendHeight(shown));
        var curves = cells.Select(c => (c.Cell.Arm, Curve: Smooth(c.Losses))).ToList();
        var (last, high) = (curves.Max(c => c.Curve[^1].Step), curves.Max(c => c.Curve.Max(p => p.Loss)));
        var low = Math.Min(curves.Min(c => c.Curve.Min(p => p.Loss)), high * 0.9);
        var (x, y) = Axes(drawing, 20, 290, 0, last, low, high, logarithmic: high / low > 8,
            words.Say("optimizer step", "优化步"), words.Say("loss (nats per token)", "损失（奈特/词元）"));
        foreach (var (arm, curve) in curves)
            drawing.Path([.. curve.Select(p => (x(p.Step), y(p.Loss)))], Colour(arm), 1.8, opacity: 0.8);
        Legend(drawing, shown, 332);
        return drawing;
    }

    private Drawing Cost()
    {
        var shown = _arms.Take(MostArms).Where(a => analysis.Score(a, Whole).Mean is not null && Tokens(a) > 0).ToList();
        var drawing = new Drawing(Width, 330 + LegendHeight(shown));
        var scores = shown.Select(a => analysis.Score(a, Whole)).ToList();
        var (low, high) = (scores.Min(s => s.Interval?.Low ?? s.Mean!.Value), scores.Max(s => s.Interval?.High ?? s.Mean!.Value));
        var room = Math.Max(2, (high - low) * 0.15);
        var tokens = shown.Select(Tokens).ToList();
        var (x, y) = Axes(drawing, 20, 290, 0, tokens.Max() * 1.15, Math.Max(0, low - room), high + room, logarithmic: false,
            words.Say("tokens read in training", "训练词元数"), $"{words.Head(Whole)} ({words.Say("points", "分")})");
        foreach (var (arm, score) in shown.Zip(scores))
        {
            var at = x(Tokens(arm));
            if (score.Interval is { } interval && double.IsFinite(interval.Low))
                drawing.Line(at, y(interval.Low), at, y(interval.High), Colour(arm), 1.6);
            drawing.Circle(at, y(score.Mean!.Value), 6, Colour(arm));
        }
        Legend(drawing, shown, 332);
        return drawing;
    }

    private static (Func<double, double> X, Func<double, double> Y) Axes(Drawing drawing, double top, double bottom, double from,
        double to,
        double low, double high, bool logarithmic, string across, string up)
    {
        const double Left = 52, Right = Width - 14;
        double Scale(double v) => logarithmic ? Math.Log(Math.Max(v, 1e-9)) : v;
        double X(double v) => Left + (Right - Left) * (v - from) / Math.Max(1e-9, to - from);
        double Y(double v) => bottom - 22 - (bottom - 22 - top - 16) * (Scale(v) - Scale(low)) / Math.Max(1e-9,
            Scale(high) - Scale(low));
        drawing.Text(up, 8, top, 12, Quiet);
        for (var i = 0; i <= 4; i++)
        {
            var value = logarithmic ? Math.Exp(Scale(low) + (Scale(high) - Scale(low)) * i / 4) : low + (high - low) * i / 4;
            drawing.Line(Left, Y(value), Right, Y(value), i == 0 ? Frame : Grid);
            drawing.Text(value.ToString(high < 10 ? "0.00" : "0", CultureInfo.InvariantCulture), Left - 6, Y(value) + 4, 11,
                Quiet, Anchor.End);
            var place = from + (to - from) * i / 4;
            drawing.Text(Words.Count(Math.Round(place)), X(place), bottom - 6, 11, Quiet, i == 4 ? Anchor.End : Anchor.Middle);
        }
        drawing.Text(across, Right, bottom + 12, 12, Quiet, Anchor.End);
        return (X, Y);
    }

    // As many columns as the longest name allows; in one column long names take several lines.
    private void Legend(Drawing drawing, IReadOnlyList<StudyArm> shown, double top)
    {
        foreach (var (arm, column, row, lines) in LegendPlaces(shown))
        {
            var (x, y) = (12 + column * (Width - 10.0) / LegendColumns(shown), top + row * LegendRow);
            drawing.Rectangle(x, y - 10, 12, 12, Colour(arm), 2);
            foreach (var (i, line) in lines.Index()) drawing.Text(line, x + 18, y + i * LegendRow, LabelSize, Ink);
        }
    }

    private static int LegendHeight(IReadOnlyList<StudyArm> shown) =>
        LegendRow * LegendPlaces(shown).Max(p => p.Row + p.Lines.Count);

    private static int LegendColumns(IReadOnlyList<StudyArm> shown)
    {
        var widest = shown.Max(a => LabelWidth(a.Name)) + 24;
        return widest <= (Width - 10) / 3 ? 3 : widest <= (Width - 10) / 2 ? 2 : 1;
    }

    private static List<(StudyArm Arm, int Column, int Row, IReadOnlyList<string> Lines)> LegendPlaces(
        IReadOnlyList<StudyArm> shown)
    {
        var (columns, row, places) = (LegendColumns(shown), 0, new List<(StudyArm, int, int, IReadOnlyList<string>)>());
        foreach (var (i, arm) in shown.Index())
        {
            IReadOnlyList<string> lines = columns > 1 ? [arm.Name] : Wrapped(arm.Name, Width - 44);
            places.Add((arm, i % columns, row, lines));
            if (i % columns == columns - 1) row += lines.Count;
        }
        return places;
    }

    /// <summary>A name in lines that fit, broken at spaces where there are any.</summary>
    internal static IReadOnlyList<string> Wrapped(string name, double width)
    {
        var (lines, line) = (new List<string>(), "");
        foreach (var word in name.Split(' ').SelectMany(word => Pieces(word, width)))
            if (line.Length == 0) line = word;
            else if (LabelWidth($"{line} {word}") <= width) line += $" {word}";
            else (lines, line) = ([.. lines, line], word);
        return [.. lines, line];
    }

    private static IEnumerable<string> Pieces(string word, double width)
    {
        var piece = "";
        foreach (var rune in word.EnumerateRunes())
        {
            if (piece.Length > 0 && LabelWidth(piece + rune) > width)
            {
                yield return piece;
                piece = "";
            }
            piece += rune;
        }
        yield return piece;
    }

    // By character classes, not by a font: a reader's browser draws the text with its own.
    private static double LabelWidth(string text) => text.EnumerateRunes().Sum(c => c.Value >= 0x2E80 ? 13.2 : 7.3);

    private static List<(int Step, double Loss)> Smooth(IReadOnlyList<(int Step, double Loss)> losses)
    {
        var keep = losses.Count > 20 ? 0.85 : 0;
        var (mean, weight, smooth) = (0.0, 0.0, new List<(int, double)>(losses.Count));
        foreach (var (step, loss) in losses)
        {
            (mean, weight) = (keep * mean + (1 - keep) * loss, keep * weight + (1 - keep));
            smooth.Add((step, mean / weight));
        }
        return smooth;
    }

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    // The colour at a third of its opacity on white.
    private static string Pale(string colour) => "#" + string.Concat(Enumerable.Range(0, 3).Select(i =>
        (255 - (255 - Convert.ToInt32(colour.Substring(1 + 2 * i, 2), 16)) * 4 / 10).ToString("X2",
            CultureInfo.InvariantCulture)));
}
