using System.Diagnostics;
using System.Globalization;

namespace AlpacaCot.Cli.Output;

/// <summary>A line on a terminal that counts records during work of more than a second.</summary>
internal sealed class RecordProgress(Terminal terminal, bool json) : IDisposable
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly bool _visible = terminal.ErrorIsTerminal && (json || terminal.OutIsTerminal);
    private long _next = 1000;
    private bool _shown;

    public long Count { get; private set; }

    public void Report(long records)
    {
        if (!_visible || _clock.ElapsedMilliseconds < _next) return;
        (_next, _shown) = (_clock.ElapsedMilliseconds + 200, true);
        terminal.WriteProgress(string.Create(CultureInfo.InvariantCulture,
            $"{records:N0} records, {records / _clock.Elapsed.TotalSeconds:N0}/s"));
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
