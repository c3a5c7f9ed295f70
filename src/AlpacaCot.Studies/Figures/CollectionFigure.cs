using System.Globalization;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Figures;

/// <summary>One set in the picture of a collection.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Records">How many records it has.</param>
/// <param name="Group">What gives it its colour, such as its language.</param>
public sealed record CollectionPart(string Name, long Records, string Group);

/// <summary>The picture of a collection: each set is an area as large as its share of the records.</summary>
public static class CollectionFigure
{
    private const int Width = 1200, Height = 760, Margin = 24, Top = 84, Gap = 2;

    private static readonly string[] Colours =
        ["#2F6FB0", "#C8502E", "#3F8F5F", "#8A5BA6", "#B8862B", "#3A8C99", "#A84A6F", "#66707A"];

    /// <summary>Draws a collection and writes it as PNG and SVG.</summary>
    /// <param name="parts">The sets; those without records are left out.</param>
    /// <param name="path">The figure without its extension; <c>.png</c> and <c>.svg</c> are added.</param>
    /// <param name="title">What stands above it.</param>
    /// <param name="unit">What is counted, in the plural.</param>
    /// <returns>What is to be said about the figure, such as a missing font; null where nothing is.</returns>
    /// <exception cref="InputException">No set has records.</exception>
    public static string? Write(IEnumerable<CollectionPart> parts, string path, string title, string unit = "records")
    {
        var sets = parts.Where(part => part.Records > 0).OrderByDescending(part => part.Records)
            .ThenBy(part => part.Name, StringComparer.Ordinal).ToList();
        if (sets.Count == 0) throw new InputException("there is nothing to draw: no set has records");
        var total = sets.Sum(set => set.Records);
        var groups = sets.GroupBy(set => set.Group).OrderByDescending(group => group.Sum(set => set.Records))
            .Select(group => group.Key).ToList();
        string Colour(string group) => Colours[Math.Min(groups.IndexOf(group), Colours.Length - 1)];

        var drawing = new Drawing(Width, Height);
        drawing.Text(title, Margin, 38, 22, "#1F2933", bold: true);
        drawing.Text(string.Create(CultureInfo.InvariantCulture,
            $"{total:N0} {unit} in {sets.Count} sets; areas are as the numbers"),
            Margin, 64, 14, "#52606D");
        Legend(drawing, groups, Colour);
        var places = Treemap.Divide([.. sets.Select(set => (double)set.Records)],
            new(Margin, Top, Width - 2 * Margin, Height - Top - Margin));
        foreach (var (set, place) in sets.Zip(places))
        {
            var gap = Math.Min(Gap, Math.Min(place.Width, place.Height) / 4);
            drawing.Rectangle(place.X, place.Y, place.Width - gap, place.Height - gap, Colour(set.Group), 3);
            Label(drawing, set, place, total);
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

    // As large as the place allows, on one line or two; nothing where even the smallest would not be read.
    private static void Label(Drawing drawing, CollectionPart set, Rectangle place, long total)
    {
        var count = string.Create(CultureInfo.InvariantCulture, $"{set.Records:N0}  {100.0 * set.Records / total:0.0} %");
        var (room, high) = (place.Width - 16, place.Height - 12);
        for (var size = 24.0; size >= 8.5; size -= 0.5)
        {
            if (Drawing.Measure(set.Name, size, bold: true) > room || size > high) continue;
            var small = Math.Max(8.5, size * 0.7);
            var both = size + 1.35 * small <= high && Drawing.Measure(count, small) <= room;
            if (!both && size > 11) continue;
            drawing.Text(set.Name, place.X + 8, place.Y + 6 + size * 0.85, size, "#FFFFFF", bold: true);
            if (both) drawing.Text(count, place.X + 8, place.Y + 6 + size * 0.85 + 1.35 * small, small, "#FFFFFF");
            return;
        }
    }
}
