using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>Distributes the rows of a kernel over as many threads as libtorch uses.</summary>
internal static class Rows
{
    // Below about 50 microseconds of work, a second thread costs more than it saves.
    internal const long SmallestShare = 1 << 15;

    /// <summary>
    /// Calls <paramref name="work"/> with disjoint ranges [first, end) that cover all rows, possibly on several threads.
    /// </summary>
    public static void Split(long rows, long elementsPerRow, Action<long, long> work)
    {
        var shares = Math.Min(get_num_threads(), rows * elementsPerRow / SmallestShare);
        if (shares <= 1)
        {
            work(0, rows);
            return;
        }
        Parallel.For(0, (int)shares, share => work(rows * share / shares, rows * (share + 1) / shares));
    }
}
