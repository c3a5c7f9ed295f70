using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace AlpacaCot.Cli.Display;

/// <summary>Counts records that pass by, and shows the count on a terminal.</summary>
internal sealed class RecordCounter(string doing, Terminal terminal, CancellationToken cancel)
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(200);
    private Action<string>? _show;

    /// <summary>How many records have passed.</summary>
    public long Count { get; private set; }

    /// <summary>Runs work that lets records <see cref="Pass"/>.</summary>
    public void Follow(Action work)
    {
        if (!terminal.ErrorIsTerminal) work();
        else
            terminal.ErrorConsole.Status().Start(doing, view =>
            {
                _show = text => view.Status = text;
                work();
            });
    }

    /// <summary>The same records, counted; stops when the user asks to.</summary>
    public IEnumerable<T> Pass<T>(IEnumerable<T> records)
    {
        var clock = Stopwatch.StartNew();
        foreach (var record in records)
        {
            cancel.ThrowIfCancellationRequested();
            Count++;
            if (_show is not null && clock.Elapsed > Redraw)
            {
                _show(string.Create(CultureInfo.InvariantCulture, $"{doing}, {Count:N0} records"));
                clock.Restart();
            }
            yield return record;
        }
    }
}
