using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>
/// One repository in the local cache, in the layout shared by the hub's tools (<see cref="HubLayout"/>).
/// </summary>
public sealed class HubCache
{
    private readonly string _root, _locks;

    /// <summary>Describes the repository's folder in a cache; creates nothing on disk.</summary>
    public HubCache(string cache, HubRepository repository)
    {
        _root = Path.Combine(Path.GetFullPath(cache), repository.CacheFolder);
        _locks = Path.Combine(Path.GetFullPath(cache), ".locks", repository.CacheFolder);
    }

    /// <summary>The folder with the files of a commit under their own paths.</summary>
    public string Snapshot(string commit) => Path.Combine(_root, HubLayout.Snapshots, commit);

    /// <summary>Resolves a branch, tag or commit from the cache; null if unknown.</summary>
    public string? Commit(string revision)
    {
        if (IsCommit(revision) && Directory.Exists(Snapshot(revision))) return revision;
        var reference = Reference(revision);
        return File.Exists(reference) && File.ReadAllText(reference).Trim() is var commit && IsCommit(commit)
            && Directory.Exists(Snapshot(commit)) ? commit : null;
    }

    /// <summary>
    /// The cached files of a commit. Links to missing or incomplete contents are left out.
    /// </summary>
    public IReadOnlyList<HubFile> Files(string commit)
    {
        var snapshot = Snapshot(commit);
        if (!Directory.Exists(snapshot)) return [];
        return [.. FolderFiles.Below(snapshot).Select(path =>
        {
            var target = File.ResolveLinkTarget(path, returnFinalTarget: true) as FileInfo ?? new FileInfo(path);
            return (Path: path, Target: target);
        }).Where(found => found.Target.Exists)
            .Select(found => new HubFile(Path.GetRelativePath(snapshot, found.Path).Replace('\\', '/'), found.Target.Length,
                found.Target.Name)).OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    internal static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    internal string Blob(HubFile file) => Path.Combine(_root, HubLayout.Blobs, file.Digest);

    /// <summary>Path of a partial content: always a gapless prefix, so any tool can continue it.</summary>
    internal string Incomplete(HubFile file) => Blob(file) + ".incomplete";

    /// <summary>Whether a commit's file is cached completely; links it if only its content was cached.</summary>
    internal bool Has(string commit, HubFile file)
    {
        if (IsWhole(Path.Combine(Snapshot(commit), file.Path), file)) return true;
        if (!IsWhole(Blob(file), file)) return false;
        Link(commit, file);
        return true;
    }

    private static bool IsWhole(string path, HubFile file)
    {
        var found = new FileInfo(path);
        if (!found.Exists) return false;
        return ((found.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? found) is { Exists: true } target)
            && target.Length == file.Size;
    }

    /// <summary>Renames a complete, verified partial content to its final name and links it.</summary>
    internal void Complete(string commit, HubFile file)
    {
        File.Move(Incomplete(file), Blob(file), overwrite: true);
        Link(commit, file);
    }

    private void Link(string commit, HubFile file)
    {
        var path = Path.Combine(Snapshot(commit), file.Path);
        var folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        // A link cannot replace a file atomically, a rename can.
        var temporary = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            File.CreateSymbolicLink(temporary, Path.GetRelativePath(folder, Blob(file)));
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is IOException or UnauthorizedAccessException)
        {
            File.Copy(Blob(file), temporary);   // Windows permits links only to administrators or in developer mode
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Stores the commit of a branch or tag.</summary>
    internal void SetReference(string revision, string commit)
    {
        if (revision != commit) AtomicFile.WriteText(Reference(revision), commit);
    }

    /// <summary>
    /// Takes the lock for a content, waiting for other processes that download it; released on dispose. It is the same lock
    /// that the hub's tools use (on Linux and macOS).
    /// </summary>
    internal async Task<IDisposable> LockAsync(HubFile file, IDownloadObserver observer, CancellationToken cancel)
    {
        Directory.CreateDirectory(_locks);
        Directory.CreateDirectory(Path.Combine(_root, HubLayout.Blobs));
        for (var told = false; ; told = true)
        {
            try
            {
                return new FileStream(Path.Combine(_locks, file.Digest + ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
                    FileShare.None);
            }
            catch (IOException e) when (DiskProblem.IsInUse(e))
            {
                if (!told) observer.Note($"{file.Path}: another process is downloading it; waiting");
                await Task.Delay(200, cancel).ConfigureAwait(false);
            }
        }
    }

    // A revision is user input that becomes a path; git allows slashes in it but not "..".
    private string Reference(string revision) => revision.Contains("..", StringComparison.Ordinal) || Path.IsPathRooted(revision)
        ? throw new InputException($"\"{revision}\" is not a branch, tag or commit")
        : Path.Combine(_root, HubLayout.References, revision);
}
