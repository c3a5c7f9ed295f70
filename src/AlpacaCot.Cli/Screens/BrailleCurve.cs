using System.Text;

namespace AlpacaCot.Cli.Screens;

/// <summary>
/// A curve in text: each character of Unicode's Braille block is a grid of two by four dots, so a line of 60 characters
/// resolves 120 columns.
/// </summary>
internal static class BrailleCurve
{
    // The bit of each dot of a character, by row and column (Unicode 15, chapter 21.1).
    private static readonly int[,] Dots = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };

    /// <summary>Draws values over their positions.</summary>
    /// <param name="points">Position from 0 (left) to 1 (right), and value.</param>
    /// <param name="width">Characters per line.</param>
    /// <param name="height">Lines.</param>
    /// <param name="low">Value of the lowest dot.</param>
    /// <param name="high">Value of the highest dot.</param>
    public static string[] Draw(IReadOnlyList<(double X, double Y)> points, int width, int height, double low, double high)
    {
        var cells = new int[height, width];
        var range = high > low ? high - low : 1;
        int Column(double x) => (int)Math.Round(Math.Clamp(x, 0, 1) * (width * 2 - 1));
        int Row(double y) => (int)Math.Round(Math.Clamp((high - y) / range, 0, 1) * (height * 4 - 1));
        void Dot(int column, int row) => cells[row / 4, column / 2] |= Dots[row % 4, column % 2];

        for (var i = 0; i < points.Count; i++)
        {
            var (column, row) = (Column(points[i].X), Row(points[i].Y));
            var (fromColumn, fromRow) = i == 0 ? (column, row) : (Column(points[i - 1].X), Row(points[i - 1].Y));
            var steps = Math.Max(1, Math.Max(Math.Abs(column - fromColumn), Math.Abs(row - fromRow)));
            for (var s = 0; s <= steps; s++)
                Dot(fromColumn + (column - fromColumn) * s / steps, fromRow + (row - fromRow) * s / steps);
        }

        var lines = new string[height];
        for (var y = 0; y < height; y++)
        {
            var line = new StringBuilder(width);
            for (var x = 0; x < width; x++) line.Append(cells[y, x] == 0 ? ' ' : (char)(0x2800 + cells[y, x]));
            lines[y] = line.ToString();
        }
        return lines;
    }
}
