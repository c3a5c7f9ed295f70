namespace AlpacaCot.Data.Download;

/// <summary>A file of a hub repository.</summary>
/// <param name="Path">Where it lies in the repository, with slashes.</param>
/// <param name="Size">Its size in bytes.</param>
/// <param name="Digest">
/// The hash of its content in hexadecimal digits: sha256 (64 digits) where the hub keeps it as a large file, else the sha1 by
/// which git names a blob (40 digits). It is also the file's name in the cache.
/// </param>
public sealed record HubFile(string Path, long Size, string Digest);

/// <summary>How a file came to be in the cache.</summary>
public enum FileOrigin
{
    /// <summary>It was there.</summary>
    Cached,

    /// <summary>It was downloaded.</summary>
    Downloaded,

    /// <summary>It was downloaded from where an earlier attempt had ended.</summary>
    Resumed,
}

/// <summary>What was downloaded, or found in the cache.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Revision">The branch, tag or commit that was asked for.</param>
/// <param name="Commit">The commit it is.</param>
/// <param name="Folder">The folder in the cache with the files under their own names.</param>
/// <param name="Files">The files in the order of their names, and how each came to be there.</param>
/// <param name="ReceivedBytes">What travelled over the network for the files.</param>
public sealed record DownloadResult(HubRepository Repository, string Revision, string Commit, string Folder,
    IReadOnlyList<(HubFile File, FileOrigin Origin)> Files, long ReceivedBytes);

/// <summary>Is told how a download goes on; from several threads at once.</summary>
public interface IDownloadObserver
{
    /// <summary>It is known what there is to do.</summary>
    /// <param name="files">How many files.</param>
    /// <param name="bytes">Their sizes together.</param>
    void Planned(int files, long bytes);

    /// <summary>More of a file is in the cache; a negative number takes back what had to be dropped.</summary>
    void Advanced(long bytes);

    /// <summary>A file is there, whole and checked.</summary>
    void Completed(HubFile file, FileOrigin origin);

    /// <summary>Something a person may want to know, such as a wait before another attempt.</summary>
    void Note(string message);
}
