namespace AlpacaCot.Evaluation.Tests.Benchmarks;

/// <summary>On a device that is not the CPU, likelihoods of choices are those of reading each choice alone.</summary>
[Trait("level", "full")]
public sealed class SecondDeviceTests
{
    [Fact]
    public Task Likelihoods_are_computed_there() => TestDevice.AllPass(
        TestDevice.Run("BenchmarkRunnerTests.Likelihoods_of_choices_are_those_of_reading_each_alone"));
}
