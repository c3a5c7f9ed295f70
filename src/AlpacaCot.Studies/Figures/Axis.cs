using System.Globalization;

namespace AlpacaCot.Studies.Figures;

/// <summary>A linear axis whose ticks are round numbers: multiples of 1, 2, 2.5 or 5 times a power of ten.</summary>
/// <param name="Low">The value at its start.</param>
/// <param name="High">The value at its end, above <paramref name="Low"/>.</param>
/// <param name="Step">The distance between two ticks, above 0.</param>
internal readonly record struct Axis(double Low, double High, double Step)
{
    private const int TargetIntervals = 6;

    /// <summary>The number of steps of an axis that starts and ends at a tick.</summary>
    public int Intervals => (int)Math.Round((High - Low) / Step);

    /// <summary>The smallest axis that covers a range and starts and ends at a tick.</summary>
    public static Axis Around(double low, double high)
    {
        var span = high - low;
        var least = 1e-9 * Math.Max(Math.Abs(low), Math.Abs(high));   // below it the ticks would be equal numbers
        var step = Round((span > least ? span : Math.Max(Math.Abs(high), 1) / 5) / TargetIntervals);
        var (first, last) = (Math.Floor(low / step), Math.Ceiling(high / step));
        if (last <= first) last = first + 1;
        return new(first * step, last * step, step);
    }

    /// <summary>The axis from 0 to at least a value, with a given number of intervals.</summary>
    public static Axis FromZero(double high, int intervals)
    {
        var step = Round(Math.Max(high, 1e-12) / intervals);
        return new(0, step * intervals, step);
    }

    /// <summary>Rounds a positive value up to 1, 2, 2.5 or 5 times a power of ten.</summary>
    public static double Round(double value)
    {
        if (!(value > 0)) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return power * (value / power - 1e-9) switch { <= 1 => 1, <= 2 => 2, <= 2.5 => 2.5, <= 5 => 5, _ => 10 };
    }

    /// <summary>The position of a value: 0 at the start, 1 at the end.</summary>
    public double Share(double value) => (value - Low) / (High - Low);

    /// <summary>The multiples of the step between both ends.</summary>
    public IEnumerable<double> Ticks()
    {
        var tolerance = 1e-6;
        var last = Math.Floor(High / Step + tolerance);
        for (var i = Math.Ceiling(Low / Step - tolerance); i <= last; i++) yield return i * Step + 0.0;   // never -0
    }

    /// <summary>A tick's value with the decimals that the step requires.</summary>
    public string Label(double value)
    {
        var decimals = 0;
        for (var step = Step; decimals < 9 && Math.Abs(step - Math.Round(step)) > 1e-6 * step; step *= 10) decimals++;
        return value.ToString($"N{decimals}", CultureInfo.InvariantCulture);
    }
}
