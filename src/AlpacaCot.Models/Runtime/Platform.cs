using System.Runtime.InteropServices;

namespace AlpacaCot.Models.Runtime;

/// <summary>The few facts about the running system that tensors depend on, and the memory of this process.</summary>
public static partial class Platform
{
    /// <summary>The version of glibc, or null where the C library is another.</summary>
    public static Version? GlibcVersion { get; } = ReadGlibcVersion();

    /// <summary>Resident memory of this process, in bytes.</summary>
    public static long ResidentBytes => StatusKilobytes("VmRSS:") ?? Environment.WorkingSet;

    /// <summary>The highest resident memory this process had, in bytes.</summary>
    public static long PeakResidentBytes =>
        StatusKilobytes("VmHWM:") ?? System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64;

    /// <summary>
    /// Gives freed memory back to the system. Tensors of changing sizes fragment glibc's heap: without this, resident memory
    /// grows several-fold although every tensor is disposed. Does nothing where the C library is not glibc.
    /// </summary>
    public static void TrimMemory()
    {
        if (GlibcVersion is not null) _ = MallocTrim(0);
    }

    /// <summary>
    /// Has glibc map blocks of 4 MB and more one by one from now on, so that each goes back to the system when it is freed.
    /// By itself it keeps blocks up to 32 MB in its heap, where the activations of a large model leave gaps of gigabytes.
    /// Does nothing where the C library is not glibc.
    /// </summary>
    public static void MapLargeBlocks()
    {
        const int mmapThreshold = -3; // M_MMAP_THRESHOLD of malloc.h
        if (GlibcVersion is not null) _ = MallocOption(mmapThreshold, 4 << 20);
    }

    /// <summary>Drops whole pages of a private file mapping from this process's memory; they are read again when
    /// touched.</summary>
    internal static void ForgetPages(nint address, nint bytes)
    {
        const int dontNeed = 4; // elsewhere than on Linux the same advice means other things
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
