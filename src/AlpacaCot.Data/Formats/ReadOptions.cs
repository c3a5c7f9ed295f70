using System.Collections.ObjectModel;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>How a file is read, and what to do about records that cannot be used.</summary>
public sealed record ReadOptions
{
    /// <summary>
    /// Skips a record that cannot be used instead of failing. A file that was cut short, or whose structure is broken so that
    /// the next record cannot be found, fails all the same.
    /// </summary>
    public bool SkipBad { get; init; }

    /// <summary>Told of every record that was skipped: file, record number, line and what was wrong.</summary>
    public Action<string>? OnBadRecord { get; init; }

    /// <summary>
    /// The format of the records, one of <see cref="RecordFormats.Names"/>; null to recognise it from the content.
    /// </summary>
    public string? Format { get; init; }

    /// <summary>
    /// The file's names of the fields: <c>instruction</c> to <c>q</c>, <c>output</c> to <c>a</c>. Keys are the names that
    /// <see cref="RecordFormats.Fields"/> lists.
    /// </summary>
    public IReadOnlyDictionary<string, string> Columns { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>
    /// Told once, with the first usable record, what the file was recognised as: <c>data.gz: JSON lines, gzip; alpaca</c>.
    /// </summary>
    public Action<string>? OnRecognized { get; init; }

    /// <summary>The most bytes that one record may have; a larger one cannot be used. 64 MiB.</summary>
    public int LargestRecord { get; init; } = 64 << 20;

    /// <summary>The most bytes that one compressed byte may become, past the first 128 MiB. 500.</summary>
    public double LargestExpansion { get; init; } = 500;

    /// <summary>Deals with a record that cannot be used: it is reported, or it is the end.</summary>
    /// <param name="place">File, record number and line.</param>
    /// <param name="problem">What is wrong.</param>
    internal void Refuse(string place, string problem)
    {
        var message = $"{place}: {problem.TrimEnd('.')}.";
        if (!SkipBad) throw new InputException(message);
        OnBadRecord?.Invoke(message);
    }
}
