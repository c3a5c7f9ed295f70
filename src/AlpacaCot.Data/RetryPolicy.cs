using System.Net.Http.Headers;

namespace AlpacaCot.Data;

/// <summary>
/// Repeats work after transient failures, such as a busy server. Waits double from failure to failure; half of each wait is
/// random, so that clients refused together do not return together. A wait that the server requests takes precedence.
/// </summary>
/// <remarks>
/// Polly was considered: it limits the attempts of one call, but a download counts failures since the last byte arrived, and
/// both callers would need their own loop around it.
/// </remarks>
public sealed record RetryPolicy
{
    /// <summary>The failures in a row after which the work fails.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>The upper limit of the first wait; its lower limit is half of it.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The upper limit of the doubled waits.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest wait that a server may ask for; a longer one fails the work at once.</summary>
    public TimeSpan LongestRequestedWait { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Performs a wait; replaceable in tests.</summary>
    public Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;

    /// <summary>Repeats work until it succeeds.</summary>
    /// <param name="work">One attempt.</param>
    /// <param name="mayPass">Whether another attempt may succeed after this failure; other failures are thrown at once.</param>
    /// <param name="requestedWait">The wait that the server asks for with this failure; null where it names none.</param>
    /// <param name="progress">A count that grows with the work; a failed attempt that increased it counts as the first
    /// failure.</param>
    /// <param name="beforeWait">Called with each failure and the wait after it.</param>
    /// <param name="cancel">Cancels the waits.</param>
    /// <returns>The result of the attempt that succeeded. After the last attempt its exception is thrown.</returns>
    public async Task<T> RunAsync<T>(Func<Task<T>> work, Func<Exception, bool> mayPass, Func<Exception, TimeSpan?> requestedWait,
        Func<long>? progress = null, Action<Exception, TimeSpan>? beforeWait = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(mayPass);
        ArgumentNullException.ThrowIfNull(requestedWait);
        var failures = 0;
        while (true)
        {
            var before = progress?.Invoke() ?? 0;
            TimeSpan wait;
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (Exception e) when (mayPass(e))
            {
                failures = progress?.Invoke() > before ? 1 : failures + 1;
                var requested = requestedWait(e);
                if (failures >= Attempts || requested > LongestRequestedWait) throw;
                wait = requested ?? Backoff(failures);
                beforeWait?.Invoke(e, wait);
            }
            await Wait(wait, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>The wait of a <c>Retry-After</c> header, whose value is seconds or a date; null without one.</summary>
    public static TimeSpan? WaitOf(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? header?.Date - DateTimeOffset.UtcNow;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private TimeSpan Backoff(int failures)
    {
        var longest = Math.Min(LongestWait.TotalSeconds, FirstWait.TotalSeconds * Math.Pow(2, failures - 1));
        return TimeSpan.FromSeconds(longest * (0.5 + 0.5 * Random.Shared.NextDouble()));
    }
}
