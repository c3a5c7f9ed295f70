using System.Runtime.InteropServices;
using TorchSharp;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Makes libgomp's threads sleep soon after they begin to wait, and ends that. libgomp reads its settings only while it is
/// loaded, but its waits are short (1,000 turns of a loop where the policy is ACTIVE) while it counts more threads than
/// processors. A thread that has run a parallel region keeps its helpers, asleep, and so raises the count until it ends. Source:
/// GCC, libgomp/team.c and config/linux/wait.h.
/// </summary>
internal sealed unsafe class ShortWaits
{
    private readonly delegate* unmanaged[Cdecl]<IntPtr, IntPtr, uint, uint, void> _parallel;
    private readonly IntPtr _nothing;
    private readonly int _processors;
    private readonly string _name;
    private Parked? _parked;

    private ShortWaits(IntPtr parallel, IntPtr nothing, int processors, string name)
    {
        _parallel = (delegate* unmanaged[Cdecl]<IntPtr, IntPtr, uint, uint, void>)parallel;
        (_nothing, _processors, _name) = (nothing, processors, name);
    }

    /// <summary>For the libgomp that a library was loaded with; null if it was loaded with another.</summary>
    /// <param name="library">The handle of the library.</param>
    /// <param name="name">The name of the threads.</param>
    public static ShortWaits? Of(IntPtr library, string name = "short waits")
    {
        // The symbols of a library's dependencies are found by its handle.
        if (!NativeLibrary.TryGetExport(library, "GOMP_parallel", out var parallel)
            || !NativeLibrary.TryGetExport(library, "omp_get_thread_num", out var nothing)
            || !NativeLibrary.TryGetExport(library, "omp_get_num_procs", out var processors)) return null;
        return new ShortWaits(parallel, nothing, ((delegate* unmanaged[Cdecl]<int>)processors)(), name);
    }

    /// <summary>Makes waits short.</summary>
    public void Begin() => _parked ??= new Parked(this);

    /// <summary>Makes waits as long as GOMP_SPINCOUNT says.</summary>
    public void End()
    {
        _parked?.Dispose();
        _parked = null;
    }

    // The region calls a function of libgomp that has no effect, so that no thread of the pool runs managed code.
    private void RunParallelRegion()
    {
        var threads = Math.Max(2, _processors - torch.get_num_threads() + 2);
        _parallel(_nothing, IntPtr.Zero, (uint)threads, 0);
    }

    /// <summary>A thread that has run a parallel region and sleeps until it is disposed.</summary>
    private sealed class Parked : IDisposable
    {
        private readonly SemaphoreSlim _end = new(0);
        private readonly Thread _thread;

        public Parked(ShortWaits waits)
        {
            _thread = new Thread(() =>
            {
                waits.RunParallelRegion();
                _end.Wait();
            }, maxStackSize: 256 * 1024) { IsBackground = true, Name = waits._name };
            _thread.Start();
        }

        public void Dispose()
        {
            _end.Release();
            _thread.Join();
            _end.Dispose();
        }
    }
}
