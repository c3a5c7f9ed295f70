namespace AlpacaCot.Data.Download;

/// <summary>A file of a repository.</summary>
/// <param name="Path">Path in the repository, with slashes.</param>
/// <param name="Size">Size in bytes.</param>
/// <param name="Digest">
/// Hexadecimal hash of the content: sha256 (64 digits) for files in large-file storage, else git's blob sha1 (40 digits).
/// It is also the name of the content in the cache.
/// </param>
public sealed record HubFile(string Path, long Size, string Digest);

/// <summary>How a file got into the cache.</summary>
public enum FileOrigin
{
    /// <summary>It was already cached.</summary>
    Cached,

    /// <summary>It was downloaded.</summary>
    Downloaded,

    /// <summary>An earlier partial download was continued.</summary>
    Resumed,
}

/// <summary>Result of a download or cache look-up.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Revision">The requested branch, tag or commit.</param>
/// <param name="Commit">The resolved commit.</param>
/// <param name="Folder">The cache folder with the files under their own paths.</param>
/// <param name="Files">The files, sorted by path, with their origin.</param>
/// <param name="ReceivedBytes">Bytes received over the network for the files.</param>
public sealed record DownloadResult(HubRepository Repository, string Revision, string Commit, string Folder,
    IReadOnlyList<(HubFile File, FileOrigin Origin)> Files, long ReceivedBytes);

/// <summary>Receives the progress of a download; called from several threads at once.</summary>
public interface IDownloadObserver
{
    /// <summary>Called once the amount of work is known.</summary>
    /// <param name="files">Number of files to download.</param>
    /// <param name="bytes">Their total size.</param>
    void Planned(int files, long bytes);

    /// <summary>Called when a file's cached part grows by <paramref name="bytes"/>; negative if data was discarded.</summary>
    void Advanced(long bytes);

    /// <summary>Called when a file is complete and verified.</summary>
    void Completed(HubFile file, FileOrigin origin);

    /// <summary>Called with a message for the user, such as a wait before the next attempt.</summary>
    void Note(string message);
}
