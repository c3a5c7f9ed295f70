using System.Globalization;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Figures;

/// <summary>
/// The figure of a run: training loss, raw and smoothed, validation loss, and the learning rate on its own axis.
/// Drawn from <c>metrics.jsonl</c>; no display is needed.
/// </summary>
public static class LossCurveFigure
{
    private const int Width = 960, Height = 560, Margin = 24;   // in the figure's units
    private const int Left = 68, Right = 72, Top = 112, Bottom = 62, LegendTop = 66;
    private const string Loss = "#D9822B", Validation = "#2F6FB0", Rate = "#7B8794";
    private const string Ink = "#1F2933", Label = "#52606D", Grid = "#E4E7EB", Edge = "#7B8794";

    /// <summary>Draws a run's metrics and writes them as PNG and SVG.</summary>
    /// <param name="metrics">
    /// The file: one JSON object for each line, <c>{"step", "loss", "learning_rate"}</c> for a training step or
    /// <c>{"step", "validation_loss"}</c> for a validation; other lines and members are ignored.
    /// </param>
    /// <param name="path">The figure without its extension; <c>.png</c> and <c>.svg</c> are added.</param>
    /// <param name="title">The title above the figure.</param>
    /// <returns>A warning, such as a missing font; null for none.</returns>
    /// <exception cref="InputException">The file is missing, not JSON, or contains no loss.</exception>
    public static string? Write(string metrics, string path, string title)
    {
        var run = Read(metrics);
        if (run.Losses.Count == 0) throw new InputException($"{metrics} contains no training loss");
        var drawing = Draw(run, title);
        drawing.Write(path);
        return drawing.LacksCharacters ? FigureFont.Remedy : null;
    }

    private sealed record Run(List<(double Step, double Value)> Losses, List<(double Step, double Value)> Rates,
        List<(double Step, double Value)> Validations);

    private static Run Read(string path)
    {
        if (!File.Exists(path)) throw new InputException($"{path}: the metrics file does not exist");
        var run = new Run([], [], []);
        foreach (var (i, line) in File.ReadLines(path).Index())
        {
            if (line.Length == 0) continue;
            try
            {
                using var json = JsonDocument.Parse(line);
                if (Number(json, "step") is not { } step) continue;
                if (Number(json, "loss") is { } loss) run.Losses.Add((step, loss));
                if (Number(json, "learning_rate") is { } rate) run.Rates.Add((step, rate));
                if (Number(json, "validation_loss") is { } validation) run.Validations.Add((step, validation));
            }
            catch (Exception e) when (InputBoundary.IsOfContent(e))
            {
                throw new InputException($"{path}:{i + 1}: this is not a JSON object: {InputBoundary.Reason(e)}", e);
            }
        }
        return run;
    }

    private static double? Number(JsonDocument json, string name) =>
        json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static Drawing Draw(Run run, string title)
    {
        var drawing = new Drawing(Width, Height);
        var (losses, validations) = (Finite(run.Losses), Finite(run.Validations));
        var rates = run.Rates.Count > 1 ? Finite(run.Rates) : [];
        // Few steps are drawn at full strength; many as a pale background of their trend.
        var many = losses.Count > 20;
        var trend = many ? Smooth(losses) : [];
        var shown = losses.Concat(trend).Concat(validations).Select(point => point.Value).DefaultIfEmpty(1).ToList();
        var steps = losses.Concat(validations).Concat(rates).Select(point => point.Step).DefaultIfEmpty(0).ToList();
        var left = Axis.Around(shown.Min(), shown.Max());
        // Starts at zero for an undistorted schedule, with the intervals of the loss axis, so that one grid fits both.
        var right = Axis.FromZero(rates.Select(point => point.Value).DefaultIfEmpty(0).Max(), left.Intervals);
        var bottom = StepAxis(steps.Min(), steps.Max());
        (double X, double Y)[] Points(List<(double Step, double Value)> points, Axis vertical) =>
            [.. points.Select(point => (X(bottom, point.Step), Y(vertical, point.Value)))];

        drawing.Text(title, Margin, 36, 20, Ink, bold: true);
        Frame(drawing, bottom, left);
        if (rates.Count > 0)
        {
            RateAxis(drawing, right);
            drawing.Path(Points(rates, right), Rate, 1.8, dotted: true);
        }
        Curve(drawing, Points(losses, left), Loss, many ? 1 : 2.2, many ? 0.4 : 1, marked: !many);
        if (many) Curve(drawing, Points(trend, left), Loss, 2.6, 1, marked: false);
        Curve(drawing, Points(validations, left), Validation, 2.2, 1, marked: true);

        Legend(drawing, [
            .. many ? new Entry[] { new("loss of each step", Loss, 1, 0.4), new("training loss, smoothed", Loss, 2.6) }
                : [new("training loss", Loss, 2.2, Marked: true)],
            .. validations.Count > 0 ? new Entry[] { new("validation loss", Validation, 2.2, Marked: true) } : [],
            .. rates.Count > 0 ? new Entry[] { new("learning rate", Rate, 1.8, Dotted: true) } : []]);
        return drawing;
    }

    private static List<(double Step, double Value)> Finite(List<(double Step, double Value)> points) =>
        [.. points.Where(point => double.IsFinite(point.Value))];

    // Starts at 0 where the first step is near it, so that the first tick is at the corner.
    private static Axis StepAxis(double first, double last)
    {
        var distance = Axis.Round(Math.Max(1, Math.Ceiling((last - first) / 8)));
        var low = first < distance ? 0 : first;
        return new(low, Math.Max(last, low + 1), distance);
    }

    private static double X(Axis axis, double step) => Left + (Width - Left - Right) * axis.Share(step);

    private static double Y(Axis axis, double value) => Height - Bottom - (Height - Top - Bottom) * axis.Share(value);

    private static void Frame(Drawing drawing, Axis bottom, Axis left)
    {
        foreach (var value in left.Ticks())
        {
            var y = Y(left, value);
            drawing.Line(Left, y, Width - Right, y, Grid);
            drawing.Text(left.Label(value), Left - 10, y + 4.5, 13, Label, Anchor.End);
        }
        foreach (var step in bottom.Ticks())
        {
            var x = X(bottom, step);
            drawing.Line(x, Top, x, Height - Bottom, Grid);
            drawing.Line(x, Height - Bottom, x, Height - Bottom + 5, Edge);
            drawing.Text(bottom.Label(step), x, Height - Bottom + 21, 13, Label, Anchor.Middle);
        }
        drawing.Line(Left, Height - Bottom, Width - Right, Height - Bottom, Edge);
        drawing.Text("loss (nats per token)", Margin, Top - 16, 13, Label);
        drawing.Text("optimizer step", (Left + Width - Right) / 2.0, Height - 16, 13, Label, Anchor.Middle);
    }

    private static void RateAxis(Drawing drawing, Axis right)
    {
        foreach (var value in right.Ticks())
            drawing.Text(value == 0 ? "0" : value.ToString("0.##e+0", CultureInfo.InvariantCulture).Replace("e+0", "",
                StringComparison.Ordinal), Width - Right + 10, Y(right, value) + 4.5, 13, Rate);
        drawing.Text("learning rate", Width - Margin, Top - 16, 13, Rate, Anchor.End);
    }

    private static void Curve(Drawing drawing, (double X, double Y)[] points, string colour, double thickness, double opacity,
        bool marked)
    {
        drawing.Path(points, colour, thickness, opacity: opacity);
        if (!marked) return;
        foreach (var point in points) drawing.Circle(point.X, point.Y, 4, colour);
    }

    // Right of the title, so that it covers no curve.
    private static void Legend(Drawing drawing, Entry[] entries)
    {
        const double Sample = 26, Size = 13, Between = 22;
        var x = Width - Margin - entries.Sum(entry => Sample + 8 + Drawing.Measure(entry.Text, Size))
            - Between * (entries.Length - 1);
        foreach (var entry in entries)
        {
            drawing.Path([(x, LegendTop), (x + Sample, LegendTop)], entry.Colour, entry.Thickness, opacity: entry.Opacity,
                dotted: entry.Dotted);
            if (entry.Marked) drawing.Circle(x + Sample / 2, LegendTop, 4, entry.Colour);
            x += Sample + 8;
            drawing.Text(entry.Text, x, LegendTop + 4.5, Size, Ink);
            x += Drawing.Measure(entry.Text, Size) + Between;
        }
    }

    private sealed record Entry(string Text, string Colour, double Thickness, double Opacity = 1, bool Dotted = false,
        bool Marked = false);

    /// <summary>
    /// Local linear regression (Cleveland 1979) over a fortieth of the run on either side:
    /// unlike a moving average it does not lag at the ends.
    /// </summary>
    private static List<(double Step, double Value)> Smooth(List<(double Step, double Value)> losses)
    {
        var half = Math.Max(4, losses.Count / 40);
        return [.. losses.Select((point, i) =>
        {
            var from = Math.Max(0, i - half);
            var near = losses.GetRange(from, Math.Min(losses.Count - 1, i + half) - from + 1);
            var (x, y) = (near.Average(p => p.Step), near.Average(p => p.Value));
            var spread = near.Sum(p => (p.Step - x) * (p.Step - x));
            var slope = spread > 0 ? near.Sum(p => (p.Step - x) * (p.Value - y)) / spread : 0;
            return (point.Step, y + slope * (point.Step - x));
        })];
    }
}
