using System.Text.Json;
using AlpacaCot.Text;
using ScottPlot;

namespace AlpacaCot.Studies.Figures;

/// <summary>
/// The figure of a run: training loss as measured and smoothed, validation loss, and the learning rate on its own axis.
/// Drawn from <c>metrics.jsonl</c>, without a display.
/// </summary>
public static class LossCurveFigure
{
    private static readonly Lazy<string?> SansSerif = new(() =>
    {
        var installed = SkiaSharp.SKFontManager.Default.FontFamilies.ToHashSet();
        return Array.Find(["Noto Sans", "DejaVu Sans", "Liberation Sans", "Arial", "Helvetica"], f => installed.Contains(f));
    });

    private const int Width = 960, Height = 560; // pixels
    private static readonly Color Loss = Color.FromHex("#D9822B"), Validation = Color.FromHex("#2F6FB0"),
        Rate = Color.FromHex("#9AA5B1");

    /// <summary>Draws a run's metrics and writes them as PNG and SVG beside each other.</summary>
    /// <param name="metrics">
    /// The file: a JSON object a line, <c>{"step", "loss", "learning_rate"}</c> for a training step or
    /// <c>{"step", "validation_loss"}</c> for a validation; other lines and members are ignored.
    /// </param>
    /// <param name="path">The figure without its extension; <c>.png</c> and <c>.svg</c> are added.</param>
    /// <param name="title">What stands above the figure.</param>
    /// <exception cref="InputException">The file is missing, not JSON, or holds no loss.</exception>
    public static void Write(string metrics, string path, string title)
    {
        var run = Read(metrics);
        if (run.Losses.Count == 0) throw new InputException($"{metrics} holds no training loss to draw");
        using var plot = Draw(run, title);
        AtomicFile.Write(path + ".png", stream => stream.Write(plot.GetImageBytes(Width, Height, ImageFormat.Png)));
        AtomicFile.WriteText(path + ".svg", plot.GetSvgXml(Width, Height));
    }

    private sealed record Run(List<(double Step, double Loss)> Losses, List<(double Step, double Rate)> Rates,
        List<(double Step, double Loss)> Validations);

    private static Run Read(string path)
    {
        if (!File.Exists(path)) throw new InputException($"there is no file {path}");
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
            catch (JsonException e)
            {
                throw new InputException($"{path}:{i + 1}: this is not a JSON object: {e.Message}", e);
            }
        }
        return run;
    }

    private static double? Number(JsonDocument json, string name) =>
        json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static Plot Draw(Run run, string title)
    {
        var plot = new Plot();
        if (SansSerif.Value is { } font) plot.Font.Set(font);
        plot.FigureBackground.Color = Colors.White;
        plot.Axes.Title.Label.Text = title;
        plot.Axes.Title.Label.FontSize = 18;
        plot.Axes.Bottom.Label.Text = "optimizer step";
        plot.Axes.Left.Label.Text = "loss (nats per token)";
        foreach (IAxis axis in new IAxis[] { plot.Axes.Bottom, plot.Axes.Left })
        {
            axis.Label.Bold = false;
            axis.Label.FontSize = 14;
            axis.TickLabelStyle.FontSize = 12;
        }
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { TickDensity = 0.6 };
        plot.Axes.Right.MinorTickStyle.Length = 0;
        plot.Axes.Left.MinorTickStyle.Length = 0;
        plot.Axes.Bottom.MinorTickStyle.Length = 0;
        plot.Grid.MajorLineColor = Color.FromHex("#E6E9ED");
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;

        if (run.Rates.Count > 1)
        {
            var rate = Line(plot, run.Rates, Rate, 1.5f, "learning rate");
            rate.LinePattern = LinePattern.Dotted;
            rate.Axes.YAxis = plot.Axes.Right;
            plot.Axes.Right.Label.Text = "learning rate";
            plot.Axes.Right.Label.Bold = false;
            plot.Axes.Right.Label.FontSize = 14;
            plot.Axes.Right.Label.ForeColor = Rate;
            plot.Axes.Right.TickLabelStyle.ForeColor = Rate;
            plot.Axes.Right.TickLabelStyle.FontSize = 12;
            plot.Axes.Right.MajorTickStyle.Color = Rate;
            plot.Axes.Right.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic 
            {
                TickDensity = 0.6, LabelFormatter = rate => rate == 0 ? "0" : rate.ToString("0.0e+0"),
            };
        }
        // A few steps are drawn as they are; many as a pale background to their trend.
        var many = run.Losses.Count > 20;
        Line(plot, run.Losses, many ? Loss.WithAlpha(0.3) : Loss, many ? 1 : 2.5f, many ? "loss of each step" : "training loss");
        if (many) Line(plot, Smooth(run.Losses), Loss, 2.5f, "training loss, smoothed");
        if (run.Validations.Count > 0)
        {
            var validation = Line(plot, run.Validations, Validation, 2, "validation loss");
            validation.MarkerSize = 8;
            validation.MarkerShape = MarkerShape.FilledCircle;
        }
        plot.Axes.AutoScale();
        Spread(plot, run);
        var legend = plot.ShowLegend(Alignment.UpperRight);
        legend.FontSize = 13;
        legend.OutlineColor = Color.FromHex("#D5DAE0");
        legend.ShadowColor = Colors.Transparent;
        return plot;
    }

    private static ScottPlot.Plottables.Scatter Line(Plot plot, List<(double X, double Y)> points, Color color, float width,
        string label)
    {
        var line = plot.Add.ScatterLine(points.Select(p => p.X).ToArray(), points.Select(p => p.Y).ToArray(), color);
        line.LineWidth = width;
        line.LegendText = label;
        return line;
    }

    // Room above the curves for the legend, and the learning rate from zero so that its shape is true.
    private static void Spread(Plot plot, Run run)
    {
        var all = run.Losses.Concat(run.Validations).Select(p => p.Item2).Where(double.IsFinite).ToList();
        if (all.Count == 0) return;
        var (low, high) = (all.Min(), all.Max());
        var margin = Math.Max((high - low) * 0.08, 1e-3);
        plot.Axes.Left.Range.Set(Math.Max(0, low - margin), high + 2 * margin);
        if (run.Rates.Count > 1) plot.Axes.Right.Range.Set(0, Math.Max(run.Rates.Max(r => r.Rate), 1e-12) * 1.25);
    }

    /// <summary>
    /// A straight line fitted around each point (local regression, Cleveland 1979), over a fortieth of the run to either side:
    /// unlike a mean it lags behind at neither end.
    /// </summary>
    private static List<(double Step, double Loss)> Smooth(List<(double Step, double Loss)> losses)
    {
        var half = Math.Max(4, losses.Count / 40);
        return [.. losses.Select((point, i) =>
        {
            var from = Math.Max(0, i - half);
            var near = losses.GetRange(from, Math.Min(losses.Count - 1, i + half) - from + 1);
            var (x, y) = (near.Average(p => p.Step), near.Average(p => p.Loss));
            var spread = near.Sum(p => (p.Step - x) * (p.Step - x));
            var slope = spread > 0 ? near.Sum(p => (p.Step - x) * (p.Loss - y)) / spread : 0;
            return (point.Step, y + slope * (point.Step - x));
        })];
    }
}
