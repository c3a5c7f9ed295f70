using System.Runtime.InteropServices;

namespace AlpacaCot.Models.Runtime;

/// <summary>Information about the operating system, and control of this process's memory.</summary>
public static partial class Platform
{
    /// <summary>The version of glibc, null for another C library.</summary>
    public static Version? GlibcVersion { get; } = ReadGlibcVersion();

    /// <summary>Resident memory of this process, in bytes.</summary>
    public static long ResidentBytes => StatusKilobytes("VmRSS:") ?? Environment.WorkingSet;

    /// <summary>The peak resident memory of this process, in bytes.</summary>
    public static long PeakResidentBytes =>
        StatusKilobytes("VmHWM:") ?? System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64;

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

    /// <summary>Drops whole pages of a private file mapping from this process's memory; they are read again on
    /// access.</summary>
    internal static void ForgetPages(nint address, nint bytes)
    {
        const int dontNeed = 4; // on other systems than Linux the value has another meaning
        if (OperatingSystem.IsLinux()) _ = Advise(address, bytes, dontNeed);
    }

    private static long? StatusKilobytes(string key)
    {
        if (!OperatingSystem.IsLinux()) return null;
        foreach (var line in File.ReadLines("/proc/self/status"))
            if (line.StartsWith(key, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(key.Length).Trim().TrimEnd("kB").Trim()) * 1024;
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
    private static partial int Advise(nint address, nint length, int advice);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallocOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
