using System.Collections.ObjectModel;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>How a file is read and how unusable records are handled.</summary>
public sealed record ReadOptions
{
    /// <summary>
    /// Skips unusable records instead of throwing. A truncated file, or one so corrupt that the next record cannot be located,
    /// still throws.
    /// </summary>
    public bool SkipBad { get; init; }

    /// <summary>Called for every skipped record with file, record number, line and problem.</summary>
    public Action<string>? OnBadRecord { get; init; }

    /// <summary>
    /// The record format, one of <see cref="RecordFormats.Names"/>; null: detect it from the content.
    /// </summary>
    public string? Format { get; init; }

    /// <summary>
    /// The file's field names: <c>instruction</c> to <c>q</c>, <c>output</c> to <c>a</c>. Keys are names of
    /// <see cref="RecordFormats.Fields"/>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Columns { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>What is read of records without an answer. Default: a missing or null answer is an error of the record.</summary>
    public AnswerRule Answers { get; init; }

    /// <summary>
    /// Called at the first usable record with the detected format, the roles of renamed fields and the fields without a role:
    /// <c>data.gz: JSON lines, gzip; pairs; inputs -> instruction, targets -> output; kept aside: task</c>. Called again where
    /// a later record is the first with another field that has a role.
    /// </summary>
    public Action<string>? OnRecognized { get; init; }

    /// <summary>Called with the number of bytes that were read from a file since the last call, for a display of progress. Files
    /// that are read at the same time call it from several threads.</summary>
    public Action<long>? OnRead { get; init; }

    /// <summary>Maximum size of a record in bytes. Default: 64 MiB.</summary>
    public int LargestRecord { get; init; } = 64 << 20;

    /// <summary>Maximum decompression ratio beyond the first 128 MiB. Default: 500.</summary>
    public double LargestExpansion { get; init; } = 500;

    /// <summary>Reports what was read from a file; nothing where it has no positions, as a pipe.</summary>
    /// <param name="file">The file.</param>
    /// <param name="reported">The bytes of the file that were reported before.</param>
    internal void Report(FileStream file, ref long reported)
    {
        if (OnRead is not null && file.CanSeek) Report(file.Position, ref reported);
    }

    /// <summary>Reports what was read from a file up to a position.</summary>
    internal void Report(long position, ref long reported)
    {
        if (OnRead is null || position <= reported) return;
        OnRead(position - reported);
        reported = position;
    }

    /// <summary>Handles an unusable record: reports it if <see cref="SkipBad"/> is set, else throws.</summary>
    /// <param name="place">File, record number and line.</param>
    /// <param name="problem">Description of the problem.</param>
    internal void Refuse(string place, string problem)
    {
        var message = $"{place}: {problem.TrimEnd('.')}.";
        if (!SkipBad) throw new InputException(message);
        OnBadRecord?.Invoke(message);
    }
}
