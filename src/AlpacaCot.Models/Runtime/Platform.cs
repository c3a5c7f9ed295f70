using System.Runtime.InteropServices;

namespace AlpacaCot.Models.Runtime;

/// <summary>Information about the operating system, and control of this process's memory.</summary>
public static partial class Platform
{
    internal const string Status = "/proc/self/status";

    /// <summary>The version of glibc, null for another C library.</summary>
    public static Version? GlibcVersion { get; } = ReadGlibcVersion();

    /// <summary>Resident memory of this process, in bytes.</summary>
    public static long ResidentBytes => Kilobytes(Status, "VmRSS") ?? Environment.WorkingSet;

    /// <summary>The peak resident memory of this process, in bytes.</summary>
    public static long PeakResidentBytes =>
        Kilobytes(Status, "VmHWM") ?? System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64;

    /// <summary>The machine's memory in bytes.</summary>
    public static long TotalMemory => Kilobytes("/proc/meminfo", "MemTotal") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>The memory in bytes that programs can still take; null where the system does not say.</summary>
    public static long? FreeMemory => Kilobytes("/proc/meminfo", "MemAvailable");

    /// <summary>The limit on this process group's memory in bytes; null for none below the machine's memory.</summary>
    public static long? MemoryLimit
    {
        get
        {
            string[] files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
            var text = files.Where(File.Exists).Select(f => File.ReadAllText(f).Trim()).FirstOrDefault();
            return long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var bytes) && bytes < TotalMemory
                ? bytes : null;
        }
    }

    /// <summary>The resident memory in bytes that this process can have: what it has and what is free, within its
    /// limit.</summary>
    public static long UsableMemory => Math.Min(ResidentBytes + (FreeMemory ?? TotalMemory), MemoryLimit ?? long.MaxValue);

    /// <summary>
    /// Returns freed memory to the system. Tensors of changing sizes fragment glibc's heap: without this, resident memory
    /// grows several-fold although every tensor is disposed. No effect with other C libraries than glibc.
    /// </summary>
    public static void TrimMemory()
    {
        if (GlibcVersion is not null) _ = MallocTrim(0);
    }

    /// <summary>
    /// Makes glibc map blocks of 4 MB and more individually from now on, so that each is returned to the system when it is freed.
    /// By default it keeps blocks up to 32 MB in its heap, where the activations of a large model leave gaps of gigabytes.
    /// No effect with other C libraries than glibc.
    /// </summary>
    public static void MapLargeBlocks()
    {
        const int mmapThreshold = -3; // M_MMAP_THRESHOLD of malloc.h
        if (GlibcVersion is not null) _ = MallocOption(mmapThreshold, 4 << 20);
    }

    /// <summary>Drops the whole pages within a range from this process's memory; those of a private file mapping are read
    /// again on access. The first and last page of the range may belong to a neighbour too, and stay.</summary>
    internal static void ForgetPages(nint address, nint bytes)
    {
        const int dontNeed = 4; // on other systems than Linux the value has another meaning
        if (!OperatingSystem.IsLinux()) return;
        var page = Environment.SystemPageSize;
        var first = (address + page - 1) / page * page;
        var last = (address + bytes) / page * page;
        if (last > first) _ = Advise(first, last - first, dontNeed);
    }

    private static long? Kilobytes(string file, string key) => Field(file, key) is { } text
        ? long.Parse(text.AsSpan().TrimEnd("kB").Trim(), System.Globalization.CultureInfo.InvariantCulture) * 1024 : null;

    /// <summary>The text behind a key in a file of /proc whose lines are <c>key: text</c>; null where it has none.</summary>
    internal static string? Field(string file, string key)
    {
        if (!File.Exists(file)) return null;
        foreach (var line in File.ReadLines(file))
            if (line.StartsWith(key, StringComparison.Ordinal)
                && line.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon)
                return line[(colon + 1)..].Trim();
        return null;
    }

    private static Version? ReadGlibcVersion()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            return Version.Parse(Marshal.PtrToStringUTF8(GnuGetLibcVersion())!);
        }
        catch (EntryPointNotFoundException)
        {
            return null; // musl
        }
    }

    [LibraryImport("libc", EntryPoint = "gnu_get_libc_version")]
    private static partial IntPtr GnuGetLibcVersion();

    [LibraryImport("libc", EntryPoint = "madvise")]
    internal static partial int Advise(nint address, nint length, int advice);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallocOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
