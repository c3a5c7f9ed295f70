using AlpacaCot.Text;

namespace AlpacaCot.Data.Preparation;

/// <summary>
/// Tokenized data sets in a folder, each in a file under a key that names everything it depends on. Files are written atomically
/// and checked when they are opened, so several processes may use a folder at once. The files that were used last are kept.
/// </summary>
/// <param name="folder">The folder; created when the first file is written.</param>
/// <param name="limit">The largest size of the folder in bytes. The file that was written last is always kept.</param>
public sealed class EncodedCache(string folder, long limit)
{
    private const string Ending = ".tokens";

    /// <summary>The folder.</summary>
    public string Folder => folder;

    /// <summary>The cache of the user, see <see cref="UserCache"/>; null where nothing is cached.</summary>
    /// <exception cref="InputException">An environment variable of <see cref="UserCache"/> is invalid.</exception>
    public static EncodedCache? OfUser() =>
        UserCache.Folder() is { } user ? new(Path.Combine(user, "tokens"), UserCache.Limit()) : null;

    /// <summary>The size of all files in bytes.</summary>
    public long Size => Files().Sum(file => file.Size);

    /// <summary>The number of files.</summary>
    public int Count => Files().Count;

    /// <summary>Opens the data sets of a key; null where there are none, or they cannot be read.</summary>
    /// <param name="key">The key: letters and digits.</param>
    /// <param name="note">Called with the reason where a file is damaged, which is removed.</param>
    public EncodedSets? Find(string key, Action<string> note)
    {
        ArgumentNullException.ThrowIfNull(note);
        var path = PathOf(key);
        if (!File.Exists(path)) return null;
        try
        {
            var sets = EncodedFile.Open(path);
            Try(() => File.SetLastWriteTimeUtc(path, DateTime.UtcNow));
            return sets;
        }
        catch (InvalidDataException damaged)
        {
            note($"{path} is damaged ({damaged.Message}): the data is tokenized again");
            Try(() => File.Delete(path));
            return null;
        }
        catch (Exception e) when (WriteProblem.Is(e))
        {
            return null;   // another process removed it, or there is no permission
        }
    }

    /// <summary>Writes the data sets of a key, and opens them.</summary>
    /// <param name="key">The key: letters and digits.</param>
    /// <param name="write">Writes the data sets; returns their description.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write it.</exception>
    public EncodedSets Write(string key, Func<EncodedFileWriter, string> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var path = PathOf(key);
        // Opened before other files go, and before another process can remove it.
        EncodedSets? sets = null;
        AtomicFile.Write(path, file =>
        {
            var writer = new EncodedFileWriter(file);
            writer.Finish(write(writer));
        }, finished => sets = EncodedFile.Open(finished));
        RemoveOldest(path);
        return sets!;
    }

    private string PathOf(string key) => Path.Combine(folder, key + Ending);

    private void RemoveOldest(string kept)
    {
        foreach (var left in Directory.Exists(folder) ? Leftovers.In(folder) : []) Try(() => File.Delete(left));
        var files = Files();
        var size = files.Sum(file => file.Size);
        foreach (var file in files.Where(file => file.Path != Path.GetFullPath(kept)).OrderBy(file => file.Used))
        {
            if (size <= limit) return;
            Try(() => File.Delete(file.Path));
            size -= file.Size;
        }
    }

    private List<(string Path, long Size, DateTime Used)> Files()
    {
        var found = new List<(string, long, DateTime)>();
        Try(() =>
        {
            if (!Directory.Exists(folder)) return;
            foreach (var file in new DirectoryInfo(folder).GetFiles("*" + Ending))
                Try(() => found.Add((file.FullName, file.Length, file.LastWriteTimeUtc)));   // another process may remove it
        });
        return found;
    }

    // What fails here costs space or time only.
    private static void Try(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (WriteProblem.Is(e))
        {
        }
    }
}
