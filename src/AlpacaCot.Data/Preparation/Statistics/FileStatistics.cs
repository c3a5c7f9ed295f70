using System.Runtime.ExceptionServices;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>Statistics of one file.</summary>
/// <param name="Path">The file as the user passed it.</param>
/// <param name="Bytes">Size on disk.</param>
/// <param name="Counts">Statistics of its records.</param>
/// <param name="Skipped">Number of unusable records that were skipped.</param>
public sealed record FileStatistics(string Path, long Bytes, DatasetStatistics Counts, long Skipped)
{
    /// <summary>Computes the statistics of files, several in parallel.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="options">How files are read and unusable records are handled; its callback may be called from several
    /// threads.</param>
    /// <param name="tokenizer">For token counts; null omits them.</param>
    /// <param name="counted">Receives the number of records over all files; called from several threads.</param>
    /// <param name="cancel">Cancels the work.</param>
    /// <returns>The files in the order of the paths.</returns>
    /// <exception cref="InputException">A file cannot be read; if several, the first one.</exception>
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
                loop.Break();   // earlier files continue, so that the first failure is reported
            }
        });
        Array.Find(failures, failure => failure is not null)?.Throw();
        return results;
    }
}
