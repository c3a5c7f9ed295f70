using System.Globalization;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Figures;

/// <summary>One data set in the figure of a collection.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Records">The number of its records.</param>
/// <param name="Group">The group that determines its colour, such as its language.</param>
public sealed record CollectionPart(string Name, long Records, string Group);

/// <summary>A treemap of a collection: the area of each data set is proportional to its records.</summary>
public static class CollectionFigure
{
    private const int Width = 1200, Height = 760, Margin = 24, Top = 84, Gap = 2;

    private static readonly string[] Colours =
        ["#2F6FB0", "#C8502E", "#3F8F5F", "#8A5BA6", "#B8862B", "#3A8C99", "#A84A6F", "#66707A"];

    /// <summary>Draws a collection and writes it as PNG and SVG.</summary>
    /// <param name="parts">The sets; those without records are left out.</param>
    /// <param name="path">The figure without its extension; <c>.png</c> and <c>.svg</c> are added.</param>
    /// <param name="title">The title above the figure.</param>
    /// <param name="unit">The unit of the counts, in the plural.</param>
    /// <returns>A warning, such as a missing font; null for none.</returns>
    /// <exception cref="InputException">No set has records.</exception>
    public static string? Write(IEnumerable<CollectionPart> parts, string path, string title, string unit = "records")
    {
        var sets = parts.Where(part => part.Records > 0).OrderByDescending(part => part.Records)
            .ThenBy(part => part.Name, StringComparer.Ordinal).ToList();
        if (sets.Count == 0) throw new InputException("nothing to draw: no set has records");
        var total = sets.Sum(set => set.Records);
        var groups = sets.GroupBy(set => set.Group).OrderByDescending(group => group.Sum(set => set.Records))
            .Select(group => group.Key).ToList();
        string Colour(string group) => Colours[Math.Min(groups.IndexOf(group), Colours.Length - 1)];

        var drawing = new Drawing(Width, Height);
        drawing.Text(title, Margin, 38, 22, "#1F2933", bold: true);
        drawing.Text(string.Create(CultureInfo.InvariantCulture,
            $"{total:N0} {unit} in {sets.Count} sets; areas are proportional to the numbers"),
            Margin, 64, 14, "#52606D");
        Legend(drawing, groups, Colour);
        var rectangles = Treemap.Divide([.. sets.Select(set => (double)set.Records)],
            new(Margin, Top, Width - 2 * Margin, Height - Top - Margin));
        foreach (var (set, rectangle) in sets.Zip(rectangles))
        {
            var gap = Math.Min(Gap, Math.Min(rectangle.Width, rectangle.Height) / 4);
            drawing.Rectangle(rectangle.X, rectangle.Y, rectangle.Width - gap, rectangle.Height - gap, Colour(set.Group), 3);
            Label(drawing, set, rectangle, total);
        }
        drawing.Write(path);
        return drawing.LacksCharacters ? FigureFont.Remedy : null;
    }

    private static void Legend(Drawing drawing, List<string> groups, Func<string, string> colour)
    {
        var right = (double)Width - Margin;
        foreach (var group in groups.Take(Colours.Length).Where(group => group.Length > 0).Reverse())
        {
            right -= Drawing.Measure(group, 14);
            drawing.Text(group, right, 64, 14, "#323F4B");
            right -= 19;
            drawing.Rectangle(right, 53, 13, 13, colour(group), 2);
            right -= 18;
        }
    }

    // As large as the rectangle allows, on one line or two; omitted where even the smallest size is not legible.
    private static void Label(Drawing drawing, CollectionPart set, Rectangle rectangle, long total)
    {
        var count = string.Create(CultureInfo.InvariantCulture, $"{set.Records:N0}  {100.0 * set.Records / total:0.0} %");
        var (available, high) = (rectangle.Width - 16, rectangle.Height - 12);
        for (var size = 24.0; size >= 8.5; size -= 0.5)
        {
            if (Drawing.Measure(set.Name, size, bold: true) > available || size > high) continue;
            var small = Math.Max(8.5, size * 0.7);
            var both = size + 1.35 * small <= high && Drawing.Measure(count, small) <= available;
            if (!both && size > 11) continue;
            drawing.Text(set.Name, rectangle.X + 8, rectangle.Y + 6 + size * 0.85, size, "#FFFFFF", bold: true);
            if (both) drawing.Text(count, rectangle.X + 8, rectangle.Y + 6 + size * 0.85 + 1.35 * small, small, "#FFFFFF");
            return;
        }
    }
}
