namespace AlpacaCot.Data.Preparation;

/// <summary>Parallel map that preserves the order of the items.</summary>
internal static class OrderedParallel
{
    private const int BatchSize = 128;

    /// <summary>Applies a function in parallel. Items are read on the calling thread, a bounded number ahead.</summary>
    public static IEnumerable<(T Item, TResult Result)> Map<T, TResult>(this IEnumerable<T> items, Func<T, TResult> function)
    {
        var running = new Queue<Task<(T, TResult)[]>>();
        try
        {
            foreach (var batch in items.Chunk(BatchSize))
            {
                running.Enqueue(Task.Run(() => Array.ConvertAll(batch, item => (item, function(item)))));
                if (running.Count <= Environment.ProcessorCount) continue;
                foreach (var result in running.Dequeue().GetAwaiter().GetResult()) yield return result;
            }
            while (running.TryDequeue(out var task))
                foreach (var result in task.GetAwaiter().GetResult()) yield return result;
        }
        finally
        {
            foreach (var task in running) ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
        }
    }
}
