using AlpacaCot.Evaluation.Statistics;

namespace AlpacaCot.Evaluation.Tests.Statistics;

public sealed class DefinitionTests
{
    [Theory]
    [InlineData(0.975, 1.9599639845400545)]
    [InlineData(0.5, 0)]
    [InlineData(0.001, -3.090232306167813)]
    public void Normal_quantiles_are_the_tables(double p, double z)
    {
        Assert.Equal(z, Distributions.NormalQuantile(p), 10);
        Assert.Equal(p, Distributions.NormalBelow(z), 12);
    }

    [Theory]
    [InlineData(0.975, 2, 4.302652729911275)]
    [InlineData(0.975, 10, 2.2281388519649385)]
    [InlineData(0.95, 30, 1.6972608943617378)]
    [InlineData(0.025, 4, -2.7764451051977987)]
    public void Student_quantiles_are_the_tables(double p, double degrees, double t) =>
        Assert.Equal(t, Distributions.StudentQuantile(p, degrees), 8);

    [Fact]
    public void Holm_multiplies_by_what_is_left_and_never_goes_back() =>
        Assert.Equal([0.03, 0.06, 0.06, 1], Holm.Correct([0.0075, 0.02, 0.03, 1]).Select(p => Math.Round(p, 12)));

    [Fact]
    public void A_comparison_takes_the_questions_that_both_answered()
    {
        var first = new Dictionary<string, double> { ["a"] = 0, ["b"] = 1, ["c"] = 0, ["d"] = 0, ["only here"] = 1 };
        var second = new Dictionary<string, double> { ["a"] = 1, ["b"] = 1, ["c"] = 1, ["d"] = 0, ["only there"] = 0 };
        var comparison = PairedComparison.Of(first, second);
        Assert.Equal((4, 0.25, 0.75, 2, 0), (comparison.Questions, comparison.First, comparison.Second, comparison.Wins,
            comparison.Losses));
        Assert.Equal(0.5, comparison.Difference);
        Assert.Equal(0.5 / Math.Sqrt(1 / 3.0), comparison.EffectSize!.Value, 12);
        Assert.Equal(comparison, PairedComparison.Of(first, second)); // the draws are those of the seed
        // Two differences of one size: 1/4 of the sign patterns are as extreme on each side, counted half.
        Assert.InRange(comparison.PValue, 0.23, 0.27);
        Assert.False(comparison.IsSure);
        Assert.Throws<Text.InputException>(() => PairedComparison.Of(first, new Dictionary<string, double> { ["x"] = 1 }));
    }

    [Fact]
    public void Equal_values_have_an_interval_without_width_and_one_value_has_none()
    {
        var random = new Text.DeterministicRandom(1);
        Assert.Equal(new ConfidenceInterval(0.5, 0.5), Bootstrap.OfMean([0.5, 0.5, 0.5], random));
        Assert.Equal(double.PositiveInfinity, Bootstrap.OfMean([1], random).High);
        Assert.Equal(1, PermutationTest.PValue([0, 0, 0], random));
        var few = PairedComparison.Of(new Dictionary<string, double> { ["a"] = 0, ["b"] = 0 },
            new Dictionary<string, double> { ["a"] = 1, ["b"] = 1 });
        Assert.True(few.Interval.Contains(0)); // what two questions cannot exclude
        Assert.False(few.IsSure); // two questions are no evidence, however alike
        Assert.Null(EffectSize.Paired([1, 1]));
    }

    [Fact]
    public void Equal_answers_of_few_questions_exclude_little()
    {
        static PairedComparison Same(int questions) => PairedComparison.Of(
            Enumerable.Range(0, questions).ToDictionary(i => $"{i}", _ => 0.0),
            Enumerable.Range(0, questions).ToDictionary(i => $"{i}", _ => 0.0));
        // Clopper and Pearson's limit for none of n: 1 - 0.025^(1/n).
        Assert.Equal(0.8419, Same(2).Interval.High, 4);
        Assert.Equal(-0.8419, Same(2).Interval.Low, 4);
        Assert.Equal(0.0362, Same(100).Interval.High, 4);
        // One difference in a hundred does not make the other direction impossible.
        var one = PairedComparison.Of(Enumerable.Range(0, 100).ToDictionary(i => $"{i}", _ => 0.0),
            Enumerable.Range(0, 100).ToDictionary(i => $"{i}", i => i == 0 ? 1.0 : 0));
        Assert.InRange(one.Interval.Low, -0.04, -0.02);
    }

    [Fact]
    public void Score_intervals_have_a_width_where_all_answers_are_alike()
    {
        Assert.Equal(Proportion.Interval(0, 8), ScoreInterval.OfMean([0, 0, 0, 0, 0, 0, 0, 0]));
        Assert.Equal(Proportion.Interval(3, 4), ScoreInterval.OfMean([1, 0, 1, 1]));
        var graded = ScoreInterval.OfMean([0.5, 0.5, 0.5])!.Value; // 1 - 0.025^(1/3) = 0.7076 of the questions may be otherwise
        Assert.Equal((0.1462, 0.8538), (Math.Round(graded.Low, 4), Math.Round(graded.High, 4)));
        Assert.Null(ScoreInterval.OfMean([]));
    }

    [Fact]
    public void Variation_over_seeds_is_student_s()
    {
        var seeds = SeedVariation.Of([0.5, 0.6, 0.7]);
        Assert.Equal((0.6, 0.1), (Math.Round(seeds.Mean, 12), Math.Round(seeds.Deviation!.Value, 12)));
        Assert.Equal(0.6 - 4.302652729911275 * 0.1 / Math.Sqrt(3), seeds.Interval!.Value.Low, 8);
        Assert.Null(SeedVariation.Of([1]).Interval);
        var means = SeedVariation.MeanByQuestion([new Dictionary<string, double> { ["a"] = 1, ["b"] = 0 },
            new Dictionary<string, double> { ["a"] = 0, ["b"] = 0 }]);
        Assert.Equal((0.5, 0.0), (means["a"], means["b"]));
    }
}
