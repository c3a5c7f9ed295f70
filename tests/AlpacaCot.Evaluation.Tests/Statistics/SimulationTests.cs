using AlpacaCot.Evaluation.Statistics;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Tests.Statistics;

/// <summary>Studies drawn from known truths: intervals must hold the truth, and tests reject it, as often as they say.</summary>
public sealed class SimulationTests
{
    private const int Studies = 2000, Resamples = 1000;

    /// <summary>The questions' difficulties make the two systems' scores go together, as they do in a real study.</summary>
    private static double[] Study(DeterministicRandom random, string kind, int questions, double gain)
    {
        var differences = new double[questions];
        for (var i = 0; i < questions; i++)
        {
            var ease = random.NextDouble();
            differences[i] = kind switch
            {
                // Right or wrong: the chance of the second system is the first's, moved by the gain.
                "right or wrong" => (random.NextDouble() < gain + (1 - gain) * ease ? 1 : 0) - (random.NextDouble() < ease ? 1
                    : 0),
                // Grades from 1 to 10.
                "grades" => Math.Floor(1 + 9.999 * Math.Min(1, 0.5 * ease + 0.5 * random.NextDouble()))
                    - Math.Floor(1 + 9.999 * Math.Min(1, 0.5 * ease + 0.5 * random.NextDouble())),
                // Most questions alike, a few much better: a skewed difference (mean 0.1 with gain 0.1).
                "skewed" => random.NextDouble() < 0.1 ? 10 * gain * -Math.Log(1 - random.NextDouble())
                    : 0.05 * (random.NextDouble() - 0.5),
                _ => throw new ArgumentException(kind),
            };
        }
        return differences;
    }

    [Trait("level", "full")]
    [Theory]
    [InlineData("right or wrong", 200, 0.1, 0.05)]
    [InlineData("right or wrong", 60, 0.3, 0.15)]
    [InlineData("grades", 80, 0, 0)]
    [InlineData("skewed", 400, 0.1, 0.1)]
    public void Intervals_hold_the_truth_in_95_of_100_studies(string kind, int questions, double gain, double truth)
    {
        var random = new DeterministicRandom(7);
        var held = Enumerable.Range(0, Studies).Count(i =>
            Bootstrap.OfMean(Study(random, kind, questions, gain), random.Fork($"{i}"), resamples: Resamples).Contains(truth));
        Assert.InRange(100.0 * held / Studies, 94, 96);
    }

    [Theory]
    [InlineData("right or wrong", 200)]
    [InlineData("right or wrong", 60)]
    [InlineData("grades", 80)]
    public void Tests_reject_a_true_null_in_5_of_100_studies(string kind, int questions)
    {
        var random = new DeterministicRandom(8);
        var values = Enumerable.Range(0, Studies)
            .Select(i => PermutationTest.PValue(Study(random, kind, questions, 0), random.Fork($"{i}"), Resamples)).ToList();
        Assert.InRange(100.0 * values.Count(p => p < 0.05) / Studies, 4, 6);
        Assert.InRange(values.Average(), 0.47, 0.53);
    }

    [Fact]
    public void Intervals_of_shares_hold_the_truth_in_95_of_100_studies()
    {
        var random = new DeterministicRandom(9);
        var held = Enumerable.Range(0, 10 * Studies).Count(_ =>
        {
            var share = 0.1 + 0.8 * random.NextDouble();
            return Proportion.Interval(Enumerable.Range(0, 60).Count(_ => random.NextDouble() < share), 60).Contains(share);
        });
        Assert.InRange(10.0 * held / Studies, 94, 96);
        Assert.Equal(0, Proportion.Interval(0, 8).Low);
        Assert.Equal(0.3244, Proportion.Interval(0, 8).High, 4); // z^2 / (n + z^2)
    }

    [Fact]
    public void The_same_check_finds_out_intervals_that_are_a_tenth_too_narrow()
    {
        var random = new DeterministicRandom(7);
        var held = Enumerable.Range(0, Studies).Count(i =>
        {
            var interval = Bootstrap.OfMean(Study(random, "right or wrong", 60, 0.3), random.Fork($"{i}"), resamples: Resamples);
            return Math.Abs(0.15 - (interval.Low + interval.High) / 2) <= 0.9 * (interval.High - interval.Low) / 2;
        });
        Assert.True(100.0 * held / Studies < 94);
    }
}
