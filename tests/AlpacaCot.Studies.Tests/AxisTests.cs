using AlpacaCot.Studies.Figures;

namespace AlpacaCot.Studies.Tests;

/// <summary>Axes of figures: every value lies inside, and ticks are few and round.</summary>
public sealed class AxisTests
{
    [Theory]
    [InlineData(0.047, 2.38, "0.0 0.5 1.0 1.5 2.0 2.5")]
    [InlineData(3.02, 3.15, "3.000 3.025 3.050 3.075 3.100 3.125 3.150")]
    [InlineData(0, 12_500, "0 2,500 5,000 7,500 10,000 12,500")]
    public void Ticks_are_round(double low, double high, string labels)
    {
        var axis = Axis.Around(low, high);
        Assert.Equal(labels, string.Join(' ', axis.Ticks().Select(axis.Label)));
    }

    [Fact]
    public void Any_values_lie_between_the_ends_with_a_handful_of_ticks()
    {
        var random = new Random(5);
        for (var i = 0; i < 10_000; i++)
        {
            var scale = Math.Pow(10, random.Next(-6, 7));
            var low = (random.NextDouble() - 0.3) * scale;
            var high = low + random.NextDouble() * scale * Math.Pow(10, random.Next(-3, 1));
            var axis = Axis.Around(low, high);
            Assert.InRange(axis.Share(low), -1e-9, 1 + 1e-9);
            Assert.InRange(axis.Share(high), -1e-9, 1 + 1e-9);
            Assert.InRange(axis.Ticks().Count(), 2, 9);
            Assert.Equal(axis.Intervals + 1, axis.Ticks().Count());
            var rates = Axis.FromZero(Math.Abs(high), axis.Intervals);
            Assert.True(rates.Share(Math.Abs(high)) <= 1 + 1e-9);
            Assert.Equal(axis.Intervals, rates.Intervals);
        }
    }

    [Fact]
    public void Equal_values_have_an_axis_too()
    {
        foreach (var value in new[] { 0, 1.5, -3e6 })
            Assert.InRange(Axis.Around(value, value).Share(value), 0, 1);
    }
}
