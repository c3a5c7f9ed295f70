namespace AlpacaCot.Studies.Figures;

/// <summary>A rectangle in a figure, in the figure's units.</summary>
internal readonly record struct Rectangle(double X, double Y, double Width, double Height);

/// <summary>
/// Divides a rectangle into parts with areas proportional to given values and shapes as close to squares as possible
/// (squarified treemap: Bruls, Huizing and van Wijk, 2000).
/// </summary>
internal static class Treemap
{
    /// <summary>Returns the parts, in the order of the values.</summary>
    /// <param name="values">Positive values in descending order.</param>
    /// <param name="rectangle">The rectangle to divide.</param>
    public static IReadOnlyList<Rectangle> Divide(IReadOnlyList<double> values, Rectangle rectangle)
    {
        var parts = new List<Rectangle>(values.Count);
        var scale = rectangle.Width * rectangle.Height / values.Sum();
        var areas = values.Select(value => value * scale).ToList();
        for (var from = 0; from < areas.Count;)
        {
            var side = Math.Min(rectangle.Width, rectangle.Height);
            var count = 1;
            while (from + count < areas.Count && Worst(areas, from, count + 1, side) <= Worst(areas, from, count, side)) count++;
            rectangle = AddRow(areas.GetRange(from, count), rectangle, parts);
            from += count;
        }
        return parts;
    }

    // The largest aspect ratio in a row along a side.
    private static double Worst(List<double> areas, int from, int count, double side)
    {
        var row = areas.GetRange(from, count);
        var thickness = row.Sum() / side;
        return row.Max(area => Math.Max(area / thickness / thickness, thickness * thickness / area));
    }

    private static Rectangle AddRow(List<double> row, Rectangle rectangle, List<Rectangle> parts)
    {
        var wide = rectangle.Width >= rectangle.Height;   // then the row is at the left
        var thickness = row.Sum() / (wide ? rectangle.Height : rectangle.Width);
        var at = wide ? rectangle.Y : rectangle.X;
        foreach (var area in row)
        {
            var length = area / thickness;
            parts.Add(wide ? new(rectangle.X, at, thickness, length) : new(at, rectangle.Y, length, thickness));
            at += length;
        }
        return wide ? new(rectangle.X + thickness, rectangle.Y, Math.Max(0, rectangle.Width - thickness), rectangle.Height)
            : new(rectangle.X, rectangle.Y + thickness, rectangle.Width, Math.Max(0, rectangle.Height - thickness));
    }
}
