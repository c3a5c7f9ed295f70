using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// A thread pool for short work items. A generated token takes some hundred products of a tenth of a millisecond each, too short
/// to wake a sleeping thread, so the pool's threads spin for a moment between them. Items are claimed dynamically, so that a busy
/// core does not delay the others.
/// </summary>
internal sealed class SpinThreadPool
{
    // About a fifth of a millisecond of spinning: longer than any gap within a pass, and short enough not to disturb other
    // programs.
    private const int SpinLimit = 4000;

    private static readonly Lazy<SpinThreadPool> SharedPool = new(() => new SpinThreadPool(Environment.ProcessorCount - 1));
    private readonly object _gate = new();
    private Job? _current;
    private int _asleep;

    private SpinThreadPool(int helpers)
    {
        for (var i = 0; i < helpers; i++)
            new Thread(Help) { IsBackground = true, Name = "decode" }.Start();
        Size = helpers + 1;
    }

    /// <summary>The shared pool: one thread per core, the caller's included.</summary>
    public static SpinThreadPool Shared => SharedPool.Value;

    /// <summary>The number of threads, the caller's included.</summary>
    public int Size { get; }

    /// <summary>
    /// Calls <paramref name="work"/> once per item index, on at most <paramref name="threads"/> threads, and waits for
    /// completion.
    /// </summary>
    public void Run(int items, int threads, Action<int> work)
    {
        if (items <= 1 || threads <= 1 || Size == 1)
        {
            for (var i = 0; i < items; i++) work(i);
            return;
        }
        var job = new Job(work, items, threads - 1);
        Volatile.Write(ref _current, job);
        Interlocked.MemoryBarrier(); // a helper about to sleep is either counted below or sees the job
        if (Volatile.Read(ref _asleep) > 0) lock (_gate) Monitor.PulseAll(_gate);
        job.Work();
        job.Wait();
    }

    private void Help()
    {
        Job? last = null;
        while (true)
        {
            var job = Volatile.Read(ref _current);
            for (var spin = 0; job == last && spin < SpinLimit; spin++)
            {
                if (X86Base.IsSupported) X86Base.Pause();
                else Thread.SpinWait(1);
                job = Volatile.Read(ref _current);
            }
            if (job == last)
            {
                Interlocked.Increment(ref _asleep);
                lock (_gate)
                    while (Volatile.Read(ref _current) == last) Monitor.Wait(_gate);
                Interlocked.Decrement(ref _asleep);
                continue;
            }
            last = job;
            if (job!.Join()) job.Work();
        }
    }

    // A late helper finds all items claimed and returns; no job object is reused, so this is safe.
    private sealed class Job(Action<int> work, int items, int helpers)
    {
        private int _next, _done, _openSlots = helpers;
        private Exception? _failure;

        public bool Join() => Interlocked.Decrement(ref _openSlots) >= 0;

        public void Work()
        {
            for (var item = Interlocked.Increment(ref _next) - 1; item < items; item = Interlocked.Increment(ref _next) - 1)
            {
                try
                {
                    work(item);
                }
                catch (Exception e) // rethrown by the caller's thread
                {
                    _failure = e;
                }
                Interlocked.Increment(ref _done);
            }
        }

        public void Wait()
        {
            for (var spin = 0; Volatile.Read(ref _done) < items; spin++)
            {
                if (spin < SpinLimit) Thread.SpinWait(1);
                else Thread.Yield(); // the core with the last item is busy with other work
            }
            if (_failure is not null) throw new InvalidOperationException("a work item of the thread pool failed", _failure);
        }
    }
}
