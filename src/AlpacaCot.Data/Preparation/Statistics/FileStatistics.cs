using System.Runtime.ExceptionServices;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>The counts of one file.</summary>
/// <param name="Path">The file as it was named.</param>
/// <param name="Bytes">Its size on the disk.</param>
/// <param name="Counts">What is in it.</param>
/// <param name="Skipped">How many records were skipped because they cannot be used.</param>
public sealed record FileStatistics(string Path, long Bytes, DatasetStatistics Counts, long Skipped)
{
    /// <summary>Counts files, several at a time.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="options">How they are read and what becomes of bad records; its callback may come from several
    /// threads.</param>
    /// <param name="tokenizer">Counts tokens; null leaves them out.</param>
    /// <param name="counted">Is told how many records of all files were counted; from several threads.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>The files in the order of the paths.</returns>
    /// <exception cref="InputException">A file cannot be read; of several the first.</exception>
    public static IReadOnlyList<FileStatistics> Of(IReadOnlyList<string> paths, ReadOptions options, Tokenizer? tokenizer = null,
        Action<long>? counted = null, CancellationToken cancel = default)
    {
        var results = new FileStatistics[paths.Count];
        var failures = new ExceptionDispatchInfo?[paths.Count];
        var progress = new long[paths.Count];
        Parallel.For(0, paths.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (i, loop) =>
        {
            try
            {
                var skipped = 0L;
                var reading = options with
                {
                    OnBadRecord = message =>
                    {
                        skipped++;
                        options.OnBadRecord?.Invoke(message);
                    },
                };
                var counts = DatasetStatistics.Of(InstructionFile.Read(paths[i], reading), tokenizer, records =>
                {
                    cancel.ThrowIfCancellationRequested();
                    Volatile.Write(ref progress[i], records);
                    counted?.Invoke(progress.Sum());
                });
                results[i] = new(paths[i], new FileInfo(paths[i]).Length, counts, skipped);
            }
            catch (Exception e) when (e is InputException or OperationCanceledException)
            {
                failures[i] = ExceptionDispatchInfo.Capture(e);
                loop.Break();   // files before this one are read on: the first failure is the one reported
            }
        });
        Array.Find(failures, failure => failure is not null)?.Throw();
        return results;
    }
}
