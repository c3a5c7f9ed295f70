using System.Runtime.InteropServices;
using TorchSharp;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// How long libgomp's threads wait for the next product in a loop, which keeps a core busy, before they sleep. On a quiet machine the
/// loop saves the time of waking them. On a busy machine it takes the cores from the threads that they wait for, and training becomes
/// many times slower. A background thread therefore looks twice a second at how much other processes compute, and makes waits short
/// at once when they need the cores, long again when they have not for some seconds. The number of threads stays the same, and so
/// do all results.
/// </summary>
internal sealed partial class ThreadWaiting
{
    /// <summary>The part of a core that other processes may use while waits are long.</summary>
    private const double QuietShare = 0.1;

    /// <summary>The samples without other work before waits become long.</summary>
    private const int QuietSamples = 4;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.5);
    private static readonly string[] Variables = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"];

    private readonly OtherWork _others;
    private bool _short = true;
    private int _quiet;

    internal ThreadWaiting(OtherWork others) => _others = others;

    /// <summary>Whether the user has set a variable that decides how threads wait; then nothing here has an effect.</summary>
    public static bool IsSetByUser => Variables.Any(v => Environment.GetEnvironmentVariable(v) is { Length: > 0 });

    /// <summary>
    /// Sets what libgomp reads while it is loaded: from the environment of the process, which .NET's own variables are not on Unix.
    /// </summary>
    /// <param name="folder">The folder of libtorch.</param>
    /// <returns>What watches the machine after loading; null where the user or this machine has decided.</returns>
    public static ThreadWaiting? BeforeLoading(string folder)
    {
        if (IsSetByUser) return null;
        var others = Directory.EnumerateFiles(folder, "libgomp*").Any() ? OtherWork.OnThisMachine() : null;
        // Where a quota is smaller than the processors, a loop that waits uses it up. .NET counts the quota.
        if (others is null || Environment.ProcessorCount < others.Processors)
        {
            _ = SetVariable("OMP_WAIT_POLICY", "PASSIVE", 0);
            _ = SetVariable("GOMP_SPINCOUNT", "1000", 0); // some microseconds
            return null;
        }
        _ = SetVariable("OMP_WAIT_POLICY", "ACTIVE", 0); // short waits are 1,000 turns, without it 100
        _ = SetVariable("GOMP_SPINCOUNT", Environment.GetEnvironmentVariable("H5SPIN") ?? "100000", 0);
        return new ThreadWaiting(others);
    }

    /// <summary>Makes waits short, and long while the machine is quiet, until the process ends.</summary>
    /// <param name="libraries">The handles of libtorch.</param>
    public void Watch(IEnumerable<IntPtr> libraries)
    {
        if (libraries.Select(ShortWaits.Of).FirstOrDefault(w => w is not null) is not { } waits) return;
        waits.Begin();
        new Thread(() =>
        {
            while (true)
            {
                Thread.Sleep(Interval);
                var cores = _others.Cores();
                var was = waits.On;
                if (Short(cores, cores > QuietShare ? Math.Max(0, _others.Processors - Threads()) : 0)) waits.Begin();
                else waits.End();
                if (was != waits.On) Console.Error.WriteLine($"H5 {cores:0.00} short {waits.On}");
            }
        }, maxStackSize: 256 * 1024) { IsBackground = true, Name = "other work" }.Start();
    }

    /// <summary>Whether waits are to be short.</summary>
    /// <param name="others">The cores that other processes keep busy.</param>
    /// <param name="spare">The cores that libtorch's threads leave free.</param>
    internal bool Short(double others, double spare)
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
