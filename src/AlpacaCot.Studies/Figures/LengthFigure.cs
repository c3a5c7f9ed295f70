using AlpacaCot.Data.Preparation.Statistics;
using static System.FormattableString;

namespace AlpacaCot.Studies.Figures;

/// <summary>Stacked histograms of lengths with a logarithmic axis.</summary>
public static class LengthFigure
{
    private const int Width = 1000, PanelHeight = 240, Left = 76, Right = 28, Head = 66, PanelTop = 34, PanelBottom = 44;
    private const int BinsPerDoubling = 4;
    private static readonly string[] Colours = ["#2F6FB0", "#D9822B", "#3F8F5F", "#8A5BA6"];

    /// <summary>Draws histograms and writes them as PNG and SVG.</summary>
    /// <param name="panels">The name of each histogram, such as "answer, characters", and its lengths; empty ones are
    /// omitted.</param>
    /// <param name="path">The figure without its extension; <c>.png</c> and <c>.svg</c> are added.</param>
    /// <param name="title">The title above the figure.</param>
    /// <returns>A warning, such as a missing font; null for none.</returns>
    public static string? Write(IEnumerable<(string Name, LengthHistogram Lengths)> panels, string path, string title)
    {
        var drawn = panels.Where(panel => panel.Lengths.Count > 0).ToList();
        var drawing = new Drawing(Width, Head + Math.Max(1, drawn.Count) * PanelHeight);
        drawing.Text(title, 24, 38, 20, "#1F2933", bold: true);
        foreach (var (i, (name, lengths)) in drawn.Index())
            Panel(drawing, name, lengths, Head + i * PanelHeight, Colours[i % Colours.Length]);
        drawing.Write(path);
        return drawing.LacksCharacters ? FigureFont.Remedy : null;
    }

    private static void Panel(Drawing drawing, string name, LengthHistogram lengths, double top, string colour)
    {
        var bars = Bars(lengths);
        var (left, right) = ((double)Left, (double)(Width - Right));
        var (high, low) = (top + PanelTop, top + PanelHeight - PanelBottom);
        var doublings = Math.Max(1, Math.Ceiling(Math.Log2(lengths.Greatest + 1.0)));
        double X(double length) => left + (right - left) * Math.Log2(Math.Max(1, length)) / doublings;
        var most = bars.Max(bar => bar.Count);

        drawing.Text(name, left, top + 18, 15, "#1F2933", bold: true);
        var (median, most90, most99) = (lengths.Quantile(0.5), lengths.Quantile(0.9), lengths.Quantile(0.99));
        drawing.Text(Invariant($"median {median:N0}   mean {lengths.Mean:N0}   ")
            + Invariant($"90 % up to {most90:N0}   99 % up to {most99:N0}   ")
            + Invariant($"longest {lengths.Greatest:N0}"), right, top + 18, 13, "#52606D", Anchor.End);
        foreach (var share in (ReadOnlySpan<double>)[0, 0.5, 1])
        {
            var y = low - share * (low - high);
            drawing.Line(left, y, right, y, share == 0 ? "#7B8794" : "#E4E7EB");
            drawing.Text(Invariant($"{Math.Round(share * most):N0}"), left - 8, y + 4, 12, "#52606D", Anchor.End);
        }
        foreach (var (from, to, count) in bars)
        {
            var (x, height) = (X(from), (low - high) * count / most);
            drawing.Rectangle(x + 0.5, low - height, Math.Max(0.5, X(to) - x - 1), height, colour);
        }
        // 1, 2, 5, 10, 20, 50 ...
        for (var (tick, step) = (1.0, 0); tick <= Math.Pow(2, doublings); tick *= step++ % 3 == 1 ? 2.5 : 2)
        {
            drawing.Line(X(tick), low, X(tick), low + 4, "#7B8794");
            drawing.Text(Invariant($"{tick:N0}"), X(tick), low + 18, 12, "#52606D", Anchor.Middle);
        }
        drawing.Line(X(median), high, X(median), low, "#1F2933", 1.5);
    }

    // Lengths of 0 are counted with those of 1. Bars narrower than one length are merged: they would leave gaps at small lengths.
    private static List<(double From, double To, long Count)> Bars(LengthHistogram lengths)
    {
        var edges = new List<double> { 1 };
        for (var step = 1; edges.Count < 2 || edges[^1] <= lengths.Greatest; step++)
            if (Math.Floor(Math.Pow(2, step / (double)BinsPerDoubling)) is var edge && edge > edges[^1]) edges.Add(edge);
        var counts = new long[edges.Count];
        var at = 0;
        foreach (var (from, _, count) in lengths.Bins)
        {
            while (at + 1 < edges.Count && from >= edges[at + 1]) at++;
            counts[at] += count;
        }
        return [.. edges.SkipLast(1).Select((edge, i) => (edge, edges[i + 1], counts[i]))];
    }
}
