using AlpacaCot.Cli.CommandLine;

namespace AlpacaCot.Cli.Tests;

/// <summary><c>verify</c>: a table of the ways to compute a recipe, and an exit code.</summary>
[Collection(nameof(AlpacaCot.Tests.Alone))] // trains
public sealed class VerifyCommandTests
{
    [Fact]
    public async Task The_embedded_base_computes_the_same_in_every_way()
    {
        var recipe = Checkout.Path("recipes/quickstart.yaml");
        string[] line = ["verify", recipe, "--steps", "2", "--set", "training.batch_size=4", "--set",
            "training.micro_batch_size=2"];
        var report = (await CommandLine.Run([.. line, "--json"])).Json();
        Assert.True(report.GetProperty("agrees").GetBoolean());
        Assert.Equal(2, report.GetProperty("steps").GetInt32());
        var arms = report.GetProperty("arms").EnumerateArray().ToDictionary(a => a.GetProperty("name").GetString()!);
        Assert.Equal(["packed", "accumulated", "checkpointed", "bf16", "int8", "resumed"], arms.Keys);
        Assert.Equal(0, arms["resumed"].GetProperty("weights").GetProperty("difference").GetDouble());
        var gradient = arms["packed"].GetProperty("gradient");
        Assert.InRange(gradient.GetProperty("difference").GetDouble(), 0, gradient.GetProperty("bound").GetDouble());
        // control: it is int8
        Assert.InRange(arms["int8"].GetProperty("gradient").GetProperty("difference").GetDouble(), 1e-4, 0.4);

        var shown = await CommandLine.Run(line);
        Assert.Equal(ExitCode.Done, shown.Code);
        Assert.Contains("equal to rounding", shown.Out, StringComparison.Ordinal);
        Assert.Contains("identical", shown.Out, StringComparison.Ordinal);
        Assert.Contains("packed: 2 steps", shown.Error, StringComparison.Ordinal);
    }
}
