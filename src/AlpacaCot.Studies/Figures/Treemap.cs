namespace AlpacaCot.Studies.Figures;

/// <summary>A place in a figure, in its units.</summary>
internal readonly record struct Rectangle(double X, double Y, double Width, double Height);

/// <summary>
/// Divides a rectangle among amounts, so that areas are as the amounts and the parts are as near to squares as can be
/// (squarified treemap: Bruls, Huizing and van Wijk, 2000).
/// </summary>
internal static class Treemap
{
    /// <summary>The parts, in the order of the amounts.</summary>
    /// <param name="amounts">Above 0, the largest first.</param>
    /// <param name="room">The rectangle.</param>
    public static IReadOnlyList<Rectangle> Divide(IReadOnlyList<double> amounts, Rectangle room)
    {
        var places = new List<Rectangle>(amounts.Count);
        var scale = room.Width * room.Height / amounts.Sum();
        var areas = amounts.Select(amount => amount * scale).ToList();
        for (var from = 0; from < areas.Count;)
        {
            var side = Math.Min(room.Width, room.Height);
            var count = 1;
            while (from + count < areas.Count && Worst(areas, from, count + 1, side) <= Worst(areas, from, count, side)) count++;
            room = AddRow(areas.GetRange(from, count), room, places);
            from += count;
        }
        return places;
    }

    // The longest of the ratios of length to width in a row along a side.
    private static double Worst(List<double> areas, int from, int count, double side)
    {
        var row = areas.GetRange(from, count);
        var thickness = row.Sum() / side;
        return row.Max(area => Math.Max(area / thickness / thickness, thickness * thickness / area));
    }

    private static Rectangle AddRow(List<double> row, Rectangle room, List<Rectangle> places)
    {
        var wide = room.Width >= room.Height;   // then the row stands at the left
        var thickness = row.Sum() / (wide ? room.Height : room.Width);
        var at = wide ? room.Y : room.X;
        foreach (var area in row)
        {
            var length = area / thickness;
            places.Add(wide ? new(room.X, at, thickness, length) : new(at, room.Y, length, thickness));
            at += length;
        }
        return wide ? new(room.X + thickness, room.Y, Math.Max(0, room.Width - thickness), room.Height)
            : new(room.X, room.Y + thickness, room.Width, Math.Max(0, room.Height - thickness));
    }
}
