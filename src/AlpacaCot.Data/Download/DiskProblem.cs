namespace AlpacaCot.Data.Download;

/// <summary>What the operating system says when a file cannot be written, in sentences for a person.</summary>
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

    /// <summary>Fails where a folder's disk has not the room that is needed.</summary>
    public static void Check(string folder, long needed)
    {
        Directory.CreateDirectory(folder);
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (free < needed)
            throw new DownloadException($"{folder}: {needed:N0} bytes are to be downloaded, but the disk has {free:N0} free. "
                + "Make room, or name another place with --cache.");
    }

    public static DownloadException Explain(IOException e, string path) => IsFull(e)
        ? new($"{path}: the disk is full. What has arrived is kept: make room and repeat the command to continue.", e)
        : new($"{path} cannot be written: {e.Message}", e);
}
