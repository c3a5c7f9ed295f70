using System.Globalization;
using AlpacaCot.Data.Download;
using Spectre.Console;

namespace AlpacaCot.Cli.Screens;

/// <summary>Shows a download: on a terminal a bar with speed and remaining time, elsewhere one line per file.</summary>
internal sealed class DownloadDisplay(IAnsiConsole console, bool live) : IDownloadObserver
{
    private readonly Lock _lock = new();
    private ProgressTask? _bar;

    public static string Size(long bytes) => bytes switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        >= 1_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        _ => $"{bytes} bytes",
    };

    /// <summary>Runs the download that reports to this display.</summary>
    public async Task<T> FollowAsync<T>(string name, Func<Task<T>> work)
    {
        if (!live) return await work().ConfigureAwait(false);
        return await console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn(),
                new RemainingTimeColumn())
            .StartAsync(async view =>
            {
                _bar = view.AddTask(Markup.Escape(name));
                _bar.IsIndeterminate = true;
                return await work().ConfigureAwait(false);
            }).ConfigureAwait(false);
    }

    public void Planned(int files, long bytes)
    {
        if (_bar is null) return;
        _bar.IsIndeterminate = false;
        _bar.MaxValue = Math.Max(1, bytes);
    }

    public void Advanced(long bytes) => _bar?.Increment(bytes);

    public void Completed(HubFile file, FileOrigin origin)
    {
        if (_bar is not null) return;
        lock (_lock) console.WriteLine($"{origin.ToString().ToLowerInvariant(),-10} {file.Path} ({Size(file.Size)})");
    }

    public void Note(string message)
    {
        lock (_lock) console.MarkupLine($"[grey]note: {Markup.Escape(message)}[/]");
    }
}
