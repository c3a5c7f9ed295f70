using System.Runtime.InteropServices;
using TorchSharp;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// The memory of large CPU tensors: one range of addresses in which freed blocks are used again. The activations of a step
/// therefore lie in the pages of the step before, and the pages are large where the system has large ones. With glibc each large
/// block is a new mapping, whose pages the kernel clears one by one while a product waits: a sixth of a step's time.
/// <para>
/// libtorch asks its CPU allocator for every tensor. The arena takes the place of that allocator for blocks of 256 KB and more,
/// and passes smaller ones on. The replacement is a copy of the allocator's table of virtual functions with two entries changed;
/// it is checked before it is used, and without it everything works as before.
/// </para>
/// </summary>
internal static unsafe partial class TensorArena
{
    private const long SmallestBlock = 1 << 18;

    // Blocks are multiples of 65 cache lines: equal places of neighbouring blocks then differ in their place within a page, and
    // kernels that walk through several blocks at once do not collide in the first cache.
    private const long Granule = 65 * 64;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, long> Taken = [];
    private static readonly List<(long At, long Bytes)> Free = []; // ascending, never adjacent
    private static readonly Lazy<bool> Installed = new(TryInstall);

    private static nint _base;
    private static nint _native; // libtorch's allocator
    private static delegate* unmanaged<nint, nuint, DataPointer> _nativeAllocate;
    private static delegate* unmanaged<nint, void> _nativeDelete;

    /// <summary>Uses the arena for all tensors from now on, where the system allows it.</summary>
    /// <returns>Whether it is used.</returns>
    public static bool Install() => Installed.Value;

    /// <summary>Returns the pages of unused blocks to the system.</summary>
    public static void Release()
    {
        if (!Installed.IsValueCreated || !Installed.Value) return;
        lock (Gate)
            foreach (var (at, bytes) in Free)
                Platform.ForgetPages((nint)(_base + at), (nint)bytes);
    }

    private static long RoundUp(long value, long step) => (value + step - 1) / step * step;

    // As c10::DataPtr is laid out: the data, a deleter with its argument, the device.
    [StructLayout(LayoutKind.Sequential)]
    private struct DataPointer
    {
        public nint Data;
        public nint Deleter;
        public nint Context;
        public sbyte DeviceType;
        public sbyte DeviceIndex;
        private readonly short _padding;
        private readonly int _morePadding;
    }

    private static bool TryInstall()
    {
        const int allocate = 2, deleter = 4, entries = 6; // after two destructors; as in c10/core/Allocator.h
        if (!OperatingSystem.IsLinux() || Libtorch.Report.Folder is not { } folder
            || !Compute.UsesSimd(DeviceType.CPU)) return false;
        if (!NativeLibrary.TryLoad(Path.Combine(folder, "libc10.so"), out var library)
            || !NativeLibrary.TryGetExport(library, "_ZN3c1015GetCPUAllocatorEv", out var get)
            || !NativeLibrary.TryGetExport(library, "_ZN3c1015SetCPUAllocatorEPNS_9AllocatorEh", out var set)
            || !NativeLibrary.TryGetExport(library, "_ZTVN3c1019DefaultCPUAllocatorE", out var table)) return false;

        _native = ((delegate* unmanaged<nint>)get)();
        var functions = (nint*)(table + 2 * sizeof(nint)); // after the offset and the type information
        if (_native == 0 || *(nint**)_native != functions) return false; // another allocator is in place
        _nativeAllocate = (delegate* unmanaged<nint, nuint, DataPointer>)functions[allocate];
        _nativeDelete = ((delegate* unmanaged<nint, delegate* unmanaged<nint, void>>)functions[deleter])(_native);
        var sample = _nativeAllocate(_native, 64);
        if (sample.Data == 0 || sample.Data != sample.Context || sample.Deleter != (nint)_nativeDelete || sample.DeviceType != 0)
            return false;
        _nativeDelete(sample.Context);
        if (!Reserve()) return false;

        var allocator = (nint*)NativeMemory.AllocZeroed((nuint)(entries + 1) * (nuint)sizeof(nint));
        for (var i = 0; i < entries; i++) allocator[i + 1] = functions[i];
        allocator[0] = (nint)(allocator + 1);
        allocator[1 + allocate] = (nint)(delegate* unmanaged<nint, nuint, DataPointer>)&Allocate;
        allocator[1 + deleter] = (nint)(delegate* unmanaged<nint, nint>)&Deleter;
        ((delegate* unmanaged<nint, byte, void>)set)((nint)allocator, 1);
        return true;
    }

    // Addresses only: pages are taken when they are first written.
    private static bool Reserve()
    {
        const int readWrite = 3, privateAnonymousNoReserve = 0x4022, hugePages = 14, notInDumps = 16;
        for (var bytes = 4 * GC.GetGCMemoryInfo().TotalAvailableMemoryBytes; bytes >= 1L << 30; bytes /= 2)
        {
            var at = Map(0, (nuint)bytes, readWrite, privateAnonymousNoReserve, -1, 0);
            if (at == -1) continue;
            _ = Platform.Advise(at, (nint)bytes, hugePages);
            _ = Platform.Advise(at, (nint)bytes, notInDumps);
            const long huge = 2 << 20;
            _base = (nint)RoundUp(at, huge);
            Free.Add((0, (bytes - huge) / huge * huge));
            return true;
        }
        return false;
    }

    [UnmanagedCallersOnly]
    private static DataPointer Allocate(nint self, nuint bytes)
    {
        if ((long)bytes >= SmallestBlock && Take(RoundUp((long)bytes, Granule)) is var block and not 0)
            return new DataPointer
            {
                Data = block, Context = block, DeviceIndex = -1, Deleter = (nint)(delegate* unmanaged<nint, void>)&Delete,
            };
        return _nativeAllocate(_native, bytes);
    }

    [UnmanagedCallersOnly]
    private static nint Deleter(nint self) => (nint)(delegate* unmanaged<nint, void>)&Delete;

    [UnmanagedCallersOnly]
    private static void Delete(nint block)
    {
        if (!Give(block)) _nativeDelete(block);
    }

    // The lowest gap that is wide enough: the used range stays short.
    private static nint Take(long bytes)
    {
        lock (Gate)
        {
            for (var i = 0; i < Free.Count; i++)
            {
                var (at, free) = Free[i];
                if (free < bytes) continue;
                if (free == bytes) Free.RemoveAt(i);
                else Free[i] = (at + bytes, free - bytes);
                Taken.Add((nint)(_base + at), bytes);
                return (nint)(_base + at);
            }
            return 0;
        }
    }

    private static bool Give(nint block)
    {
        lock (Gate)
        {
            if (!Taken.Remove(block, out var bytes)) return false;
            var at = block - _base;
            var next = Free.BinarySearch((at, 0L));
            if (next < 0) next = ~next;
            if (next < Free.Count && Free[next].At == at + bytes)
            {
                bytes += Free[next].Bytes;
                Free.RemoveAt(next);
            }
            if (next > 0 && Free[next - 1] is var (before, length) && before + length == at) Free[next - 1] = (before,
                length + bytes);
            else Free.Insert(next, (at, bytes));
            return true;
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);
}
