using AlpacaCot.Bench.Fuzz;

namespace AlpacaCot.Cli.Tests;

/// <summary>A short run of the fuzzers of all readers; <c>bench -- fuzz MINUTES</c> is the long one.</summary>
public sealed class FuzzTests : IDisposable
{
    private readonly FuzzTargets _targets = new();

    public void Dispose() => _targets.Dispose();

    [Fact]
    public void Damaged_files_and_replies_of_every_kind_end_in_an_error_of_the_product()
    {
        Assert.True(_targets.All.Count >= 40, $"{_targets.All.Count} readers");
        foreach (var target in _targets.All)
        {
            // The same numbers on every machine; less of them where time is short.
            var outcome = target.Run(0, 300, TimeSpan.FromMilliseconds(400));
            Assert.True(outcome.Inputs > 0, target.Name);
            Assert.True(outcome.Failures.Count == 0,
                string.Join('\n', outcome.Failures.Select(f => $"{target.Name} {f.Number}: {f.What}")));
        }
    }

    [Fact]
    public void Control_a_reader_with_an_exception_of_its_own_is_found()
    {
        var target = new FuzzTarget("control", ["{\"a\": 1}"u8.ToArray()], bytes =>
        {
            using var json = System.Text.Json.JsonDocument.Parse(bytes);
            _ = json.RootElement.GetProperty("a").GetInt32();
        });
        var outcome = target.Run(0, 200, TimeSpan.FromSeconds(5));
        Assert.NotEmpty(outcome.Failures);
        Assert.Equal(outcome.Failures[0].What, target.Try(outcome.Failures[0].Number).Failure);
    }
}
