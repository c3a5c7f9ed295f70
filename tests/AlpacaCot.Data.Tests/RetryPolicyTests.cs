using System.Net.Http.Headers;

namespace AlpacaCot.Data.Tests;

/// <summary>How often work is repeated, and how long the waits are.</summary>
public sealed class RetryPolicyTests
{
    private readonly List<TimeSpan> _waits = [];

    private RetryPolicy Policy(int attempts) => new()
    {
        Attempts = attempts, FirstWait = TimeSpan.FromSeconds(2), LongestWait = TimeSpan.FromSeconds(10), Wait = (wait, _) =>
        {
            _waits.Add(wait);
            return Task.CompletedTask;
        },
    };

    private static Task<int> Run(RetryPolicy policy, Func<int, int> attempt, TimeSpan? requested = null,
        Func<long>? progress = null)
    {
        var attempts = 0;
        return policy.RunAsync(() => Task.FromResult(attempt(++attempts)), e => e is IOException, _ => requested, progress);
    }

    [Fact]
    public async Task Waits_double_up_to_the_limit_and_half_of_each_is_random()
    {
        Assert.Equal(6, await Run(Policy(9), attempt => attempt < 6 ? throw new IOException() : attempt));
        Assert.Equal(5, _waits.Count);
        foreach (var (wait, longest) in _waits.Zip([2.0, 4, 8, 10, 10]))
            Assert.InRange(wait.TotalSeconds, longest / 2, longest);
    }

    [Fact]
    public async Task The_last_failure_is_thrown()
    {
        var thrown = await Assert.ThrowsAsync<IOException>(() => Run(Policy(3), attempt => throw new IOException($"{attempt}")));
        Assert.Equal("3", thrown.Message);
        Assert.Equal(2, _waits.Count);
    }

    [Fact]
    public async Task Other_failures_are_thrown_at_once()
    {
        await Assert.ThrowsAsync<FormatException>(() => Run(Policy(3), _ => throw new FormatException()));
        Assert.Empty(_waits);
    }

    [Fact]
    public async Task The_server_says_how_long_to_wait_but_not_forever()
    {
        var hour = TimeSpan.FromHours(1);
        await Run(Policy(3), attempt => attempt < 2 ? throw new IOException() : 0, TimeSpan.FromSeconds(77));
        Assert.Equal([TimeSpan.FromSeconds(77)], _waits);
        await Assert.ThrowsAsync<IOException>(() => Run(Policy(3), _ => throw new IOException(), hour));
        Assert.Single(_waits);
        Assert.Equal(hour, RetryPolicy.WaitOf(new RetryConditionHeaderValue(hour)));
        Assert.Equal(TimeSpan.Zero, RetryPolicy.WaitOf(new RetryConditionHeaderValue(DateTimeOffset.UnixEpoch)));
        Assert.Null(RetryPolicy.WaitOf(null));
    }

    [Fact]
    public async Task Failures_that_bring_the_work_forward_are_not_added_up()
    {
        var bytes = 0L;
        var result = await Run(Policy(2), attempt =>
        {
            bytes++;
            return attempt < 20 ? throw new IOException() : attempt;
        }, progress: () => bytes);
        Assert.Equal(20, result);
        Assert.All(_waits, wait => Assert.InRange(wait.TotalSeconds, 1, 2));
    }
}
