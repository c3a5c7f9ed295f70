using System.Runtime.InteropServices;
using TorchSharp;

namespace AlpacaCot.Models.Runtime;

/// <summary>How libtorch's threads wait for the next product.</summary>
public enum ThreadWaits
{
    /// <summary>As the system's libtorch does: it uses no libgomp.</summary>
    System,

    /// <summary>As a variable of the environment says.</summary>
    AsSet,

    /// <summary>Some microseconds in a loop, then asleep.</summary>
    Short,

    /// <summary>Up to a millisecond in a loop on a quiet machine, some microseconds beside other work.</summary>
    Adaptive,
}

/// <summary>
/// How long libgomp's threads wait for the next product in a loop, which keeps a core busy, before they sleep. On a quiet machine
/// the loop saves the time of waking them. On a busy machine it takes the cores from the threads that they wait for, and training
/// becomes many times slower. A background thread therefore looks once a second at how much other processes compute. It makes
/// waits short at once when they need the cores, and long again after some seconds in which they do not. The number of threads
/// stays the same, and so do all results.
/// </summary>
internal sealed partial class ThreadWaiting
{
    /// <summary>The turns of the loop, as in GOMP_SPINCOUNT, that were the fastest on a quiet machine: below a
    /// millisecond.</summary>
    private const string LongTurns = "100000";

    /// <summary>The part of a core that other processes may use while waits are long.</summary>
    private const double QuietShare = 0.1;

    /// <summary>The samples without other work before waits become long.</summary>
    private const int QuietSamples = 3;

    /// <summary>The samples for which an answer of libtorch counts.</summary>
    private const int SamplesForThreads = 16;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly string[] Variables = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"];

    private readonly OtherWork? _others;
    private bool _short = true;
    private int _quiet;

    internal ThreadWaiting(ThreadWaits waits, OtherWork? others) => (Waits, _others) = (waits, others);

    /// <summary>How threads wait.</summary>
    public ThreadWaits Waits { get; }

    /// <summary>
    /// Sets what libgomp reads while it is loaded: in the environment of the process, which .NET's own variables are not on Unix.
    /// What the user has set stays.
    /// </summary>
    /// <param name="folder">The folder of libtorch.</param>
    public static ThreadWaiting BeforeLoading(string folder)
    {
        if (Variables.Any(v => Environment.GetEnvironmentVariable(v) is { Length: > 0 })) return new(ThreadWaits.AsSet, null);
        var others = Directory.EnumerateFiles(folder, "libgomp*").Any() ? OtherWork.OnThisMachine() : null;
        // Where a quota is smaller than the processors, a loop that waits uses it up. .NET counts the quota.
        if (others is null || Environment.ProcessorCount < others.Processors)
        {
            _ = SetVariable("OMP_WAIT_POLICY", "PASSIVE", 0);
            _ = SetVariable("GOMP_SPINCOUNT", "1000", 0);
            return new(ThreadWaits.Short, null);
        }
        _ = SetVariable("OMP_WAIT_POLICY", "ACTIVE", 0); // short waits are 1,000 turns then
        _ = SetVariable("GOMP_SPINCOUNT", LongTurns, 0);
        return new(ThreadWaits.Adaptive, others);
    }

    /// <summary>Makes waits short, and long while the machine is quiet, until the process ends.</summary>
    /// <param name="libraries">The handles of libtorch.</param>
    public void Watch(IEnumerable<IntPtr> libraries)
    {
        if (_others is null) return;
        var waits = libraries.Select(library => ShortWaits.Of(library)).First(found => found is not null)!;
        waits.Begin();
        new Thread(() => Watch(waits, _others), maxStackSize: 256 * 1024) { IsBackground = true, Name = "other work" }.Start();
    }

    private void Watch(ShortWaits waits, OtherWork others)
    {
        var spare = 0;
        for (var sample = 0; ; sample++)
        {
            Thread.Sleep(Interval);
            if (sample % SamplesForThreads == 0) spare = Math.Max(0, others.Processors - Threads());
            if (MakesShort(others.Cores(), spare)) waits.Begin();
            else waits.End();
        }
    }

    /// <summary>Whether waits are to be short after a sample.</summary>
    /// <param name="others">The cores that other processes keep busy.</param>
    /// <param name="spare">The cores that libtorch's threads leave free.</param>
    internal bool MakesShort(double others, double spare)
    {
        _quiet = others > spare + QuietShare ? 0 : _quiet + 1;
        _short = _quiet == 0 || (_short && _quiet < QuietSamples);
        return _short;
    }

    // A thread asks libtorch once and keeps the answer, so a new one is asked.
    private static int Threads()
    {
        var threads = 0;
        var asked = new Thread(() => threads = torch.get_num_threads(), maxStackSize: 256 * 1024);
        asked.Start();
        asked.Join();
        return threads;
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
