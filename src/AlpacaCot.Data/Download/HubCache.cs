using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>
/// One repository in the local cache, in the layout that the hub's tools share: <c>blobs/DIGEST</c> holds contents,
/// <c>snapshots/COMMIT/PATH</c> links to them, <c>refs/BRANCH</c> holds the commit a branch was at.
/// Source: huggingface.co/docs/hub/local-cache.
/// </summary>
public sealed class HubCache
{
    private readonly string _root, _locks;

    /// <summary>The repository's place in a cache; nothing is made yet.</summary>
    public HubCache(string cache, HubRepository repository)
    {
        _root = Path.Combine(Path.GetFullPath(cache), repository.CacheFolder);
        _locks = Path.Combine(Path.GetFullPath(cache), ".locks", repository.CacheFolder);
    }

    /// <summary>The folder with the files of a commit under their own names.</summary>
    public string Snapshot(string commit) => Path.Combine(_root, "snapshots", commit);

    /// <summary>The commit that a branch, tag or commit is at, as far as the cache knows; null where it does not.</summary>
    public string? Commit(string revision)
    {
        if (IsCommit(revision) && Directory.Exists(Snapshot(revision))) return revision;
        var reference = Reference(revision);
        return File.Exists(reference) && File.ReadAllText(reference).Trim() is var commit && IsCommit(commit)
            && Directory.Exists(Snapshot(commit)) ? commit : null;
    }

    /// <summary>
    /// The files of a commit that are in the cache, by their paths. Links whose content is gone or unfinished are left out.
    /// </summary>
    public IReadOnlyList<HubFile> Files(string commit)
    {
        var snapshot = Snapshot(commit);
        if (!Directory.Exists(snapshot)) return [];
        return [.. Directory.EnumerateFiles(snapshot, "*", SearchOption.AllDirectories).Select(path =>
        {
            var target = File.ResolveLinkTarget(path, returnFinalTarget: true) as FileInfo ?? new FileInfo(path);
            return (Path: path, Target: target);
        }).Where(found => found.Target.Exists)
            .Select(found => new HubFile(Path.GetRelativePath(snapshot, found.Path).Replace('\\', '/'), found.Target.Length,
                found.Target.Name)).OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    internal static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    internal string Blob(HubFile file) => Path.Combine(_root, "blobs", file.Digest);

    /// <summary>Where a content grows: always a beginning of it without gaps, so that any tool can continue it.</summary>
    internal string Incomplete(HubFile file) => Blob(file) + ".incomplete";

    /// <summary>Whether a commit's file is there with its whole content, linked now where only the content was there.</summary>
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

    /// <summary>Makes the incomplete content, which is whole and checked, the content, and links it.</summary>
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
        // A link cannot replace another in one step, a move can.
        var temporary = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            File.CreateSymbolicLink(temporary, Path.GetRelativePath(folder, Blob(file)));
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is IOException or UnauthorizedAccessException)
        {
            File.Copy(Blob(file), temporary);   // Windows allows links to administrators and developers only
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Keeps which commit a branch or tag is at.</summary>
    internal void SetReference(string revision, string commit)
    {
        if (revision != commit) AtomicFile.WriteText(Reference(revision), commit);
    }

    /// <summary>
    /// Waits until no other process downloads a content, and keeps others waiting until disposed. The lock is the one that the
    /// hub's tools take (on Linux and macOS).
    /// </summary>
    internal async Task<IDisposable> LockAsync(HubFile file, IDownloadObserver observer, CancellationToken cancel)
    {
        Directory.CreateDirectory(_locks);
        Directory.CreateDirectory(Path.Combine(_root, "blobs"));
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

    // A revision is the user's word and becomes a path; git allows slashes in it, and forbids two dots.
    private string Reference(string revision) => revision.Contains("..", StringComparison.Ordinal) || Path.IsPathRooted(revision)
        ? throw new InputException($"\"{revision}\" is not a branch, tag or commit")
        : Path.Combine(_root, "refs", revision);
}
