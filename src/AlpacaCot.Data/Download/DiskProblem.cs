namespace AlpacaCot.Data.Download;

/// <summary>Turns I/O errors while writing into user-level messages.</summary>
internal static class DiskProblem
{
    private const int NoSpaceUnix = 28, QuotaUnix = 122, QuotaMac = 69;
    private const int InUseLinux = 11, InUseMac = 35, InUseWindows = unchecked((int)0x80070020);
    private const int NoSpaceWindows = unchecked((int)0x80070070), HandleFullWindows = unchecked((int)0x80070027);

    public static bool IsFull(IOException e) => OperatingSystem.IsWindows()
        ? e.HResult is NoSpaceWindows or HandleFullWindows
        : e.HResult is NoSpaceUnix or QuotaUnix or QuotaMac;

    public static bool IsInUse(IOException e) => e.HResult == (OperatingSystem.IsWindows() ? InUseWindows
        : OperatingSystem.IsMacOS() ? InUseMac : InUseLinux);

    /// <summary>Throws if the folder's disk has less free space than needed.</summary>
    public static void Check(string folder, long needed)
    {
        Directory.CreateDirectory(folder);
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (free < needed)
            throw new DownloadException($"{folder}: the download needs {needed:N0} bytes, but the disk has {free:N0} free. "
                + "Free disk space, or choose another folder with --cache.");
    }

    public static DownloadException Explain(IOException e, string path) => IsFull(e)
        ? new($"{path}: the disk is full. The received part is kept: free disk space and repeat the command to continue.", e)
        : new($"{path} cannot be written: {e.Message}", e);
}
