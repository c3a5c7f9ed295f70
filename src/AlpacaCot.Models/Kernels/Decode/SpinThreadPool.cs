using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// Threads that share out short pieces of work. A token is some hundred products of a tenth of a millisecond each, too short to
/// wake a sleeping thread for: the crew waits awake for a moment between them. Pieces are taken, not assigned, so that a core
/// that is busy with something else holds nobody up.
/// </summary>
internal sealed class SpinThreadPool
{
    // About a fifth of a millisecond awake: longer than any gap inside a pass, too short to be felt by others.
    private const int AwakeTurns = 4000;

    private static readonly Lazy<SpinThreadPool> SharedCrew = new(() => new SpinThreadPool(Environment.ProcessorCount - 1));
    private readonly object _gate = new();
    private Job? _current;
    private int _asleep;

    private SpinThreadPool(int helpers)
    {
        for (var i = 0; i < helpers; i++)
            new Thread(Help) { IsBackground = true, Name = "decode" }.Start();
        Size = helpers + 1;
    }

    /// <summary>One thread a core, the caller's included.</summary>
    public static SpinThreadPool Shared => SharedCrew.Value;

    /// <summary>Threads, the caller's included.</summary>
    public int Size { get; }

    /// <summary>Calls <paramref name="work"/> once for each piece, on at most <paramref name="threads"/> threads.</summary>
    public void Run(int pieces, int threads, Action<int> work)
    {
        if (pieces <= 1 || threads <= 1 || Size == 1)
        {
            for (var i = 0; i < pieces; i++) work(i);
            return;
        }
        var job = new Job(work, pieces, threads - 1);
        Volatile.Write(ref _current, job);
        Interlocked.MemoryBarrier(); // a helper that falls asleep now either is counted below or sees the job
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
            for (var turn = 0; job == last && turn < AwakeTurns; turn++)
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

    // A late helper finds all pieces taken and leaves; nothing is reused, so it can do no harm.
    private sealed class Job(Action<int> work, int pieces, int helpers)
    {
        private int _next, _done, _places = helpers;
        private Exception? _failure;

        public bool Join() => Interlocked.Decrement(ref _places) >= 0;

        public void Work()
        {
            for (var piece = Interlocked.Increment(ref _next) - 1; piece < pieces; piece = Interlocked.Increment(ref _next) - 1)
            {
                try
                {
                    work(piece);
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
            for (var turn = 0; Volatile.Read(ref _done) < pieces; turn++)
            {
                if (turn < AwakeTurns) Thread.SpinWait(1);
                else Thread.Yield(); // the core that holds the last piece is busy with something else
            }
            if (_failure is not null) throw new InvalidOperationException("a piece of shared work failed", _failure);
        }
    }
}
