using System.Diagnostics;
using System.Globalization;
using AlpacaCot.Data.Formats;

namespace AlpacaCot.Cli.Output;

/// <summary>
/// Counts records and the bytes read for them, and shows their speed: during work of more than a second as a line on a terminal
/// that is drawn again, elsewhere as a line on standard error every ten seconds, and at the end as part of the command's last
/// line.
/// </summary>
/// <param name="terminal">Where to show it.</param>
/// <param name="json">Whether standard output is JSON.</param>
internal sealed class RecordProgress(Terminal terminal, bool json) : IDisposable
{
    private const int First = 1000, OnTerminal = 200, ElsewhereFirst = 10_000, Elsewhere = 10_000; // milliseconds

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly bool _visible = terminal.ErrorIsTerminal && (json || terminal.OutIsTerminal);
    private readonly Lock _showing = new();
    private long _next = -1, _bytes;
    private bool _shown;

    public long Count { get; private set; }

    /// <summary>The time since the start.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>The time since the start and the speed, for the last line of a command: <c>12.3 s (81.3 MB/s)</c>.</summary>
    public string TimeAndSpeed => string.Create(CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds:0.0} s")
        + (MegabytesPerSecond is { } speed ? string.Create(CultureInfo.InvariantCulture, $" ({speed:0.0} MB/s)") : "");

    private double? MegabytesPerSecond => Interlocked.Read(ref _bytes) is > 0 and var bytes
        ? bytes / 1e6 / Math.Max(_clock.Elapsed.TotalSeconds, 1e-3) : null;

    /// <summary>Options that count the bytes of the files that are read with them.</summary>
    public ReadOptions Following(ReadOptions reading) => reading with { OnRead = Read };

    /// <summary>Counts bytes of the input; thread-safe.</summary>
    public void Read(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Shows a number of records, if it is time; thread-safe.</summary>
    public void Report(long records)
    {
        var now = _clock.ElapsedMilliseconds;
        if (now < (_visible ? First : ElsewhereFirst) || now < Interlocked.Read(ref _next)) return;
        lock (_showing)
        {
            if (now < _next) return;
            _next = now + (_visible ? OnTerminal : Elsewhere);
            var speed = MegabytesPerSecond;
            var line = string.Create(CultureInfo.InvariantCulture,
                $"{records:N0} records, {records / _clock.Elapsed.TotalSeconds:N0}/s")
                + (speed is null ? "" : string.Create(CultureInfo.InvariantCulture, $", {speed:0.0} MB/s"));
            if (_visible) terminal.WriteProgress(line);
            else if (speed is not null) terminal.Error.WriteLine(line);
            _shown = _visible;
        }
    }

    /// <summary>Passes records on and counts them.</summary>
    public IEnumerable<T> Follow<T>(IEnumerable<T> records, CancellationToken cancel)
    {
        foreach (var record in records)
        {
            cancel.ThrowIfCancellationRequested();
            Report(++Count);
            yield return record;
        }
    }

    public void Dispose()
    {
        if (_shown) terminal.WriteProgress(null);
        _shown = false;
    }
}
