using System.Runtime.InteropServices;

namespace AlpacaCot.Text;

/// <summary>Writes files atomically: a reader finds the complete new content or the previous one, also after a power
/// failure.</summary>
public static partial class AtomicFile
{
    /// <summary>
    /// Runs <paramref name="write"/> on a temporary file in the same folder (created if absent), flushes it to the disk and
    /// renames it to <paramref name="path"/>. On any failure an existing file at <paramref name="path"/> is unchanged. Temporary
    /// files that a killed process left for the same path are removed.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="verify">Checks the finished temporary file, by its path, and throws if it is invalid.</param>
    public static void Write(string path, Action<FileStream> write, Action<string>? verify = null)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        Leftovers.RemoveFor(path);
        var temporary = Leftovers.TemporaryFor(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            verify?.Invoke(temporary);
            File.Move(temporary, path, overwrite: true);
            SyncFolder(folder);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes a text file atomically, in UTF-8 without a byte order mark.</summary>
    public static void WriteText(string path, string content) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(content)));

    /// <summary>Flushes every file in a folder, and the folder's own entries, to the disk, so that it can be renamed
    /// safely.</summary>
    public static void SyncFiles(string folder)
    {
        foreach (var path in Directory.GetFiles(folder))
        {
            // A read-only file can be flushed too, except on Windows.
            using var file = File.OpenHandle(path, FileMode.Open,
                OperatingSystem.IsWindows() ? FileAccess.ReadWrite : FileAccess.Read);
            RandomAccess.FlushToDisk(file);
        }
        SyncFolder(folder);
    }

    /// <summary>Flushes the entries of a folder to the disk, so that a rename in it survives a power failure.</summary>
    public static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return; // a rename is in the file system's journal
        var descriptor = OpenFolder(folder, 0);
        if (descriptor < 0) return;              // a file system without folders to open has nothing to flush
        _ = Flush(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFolder(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
