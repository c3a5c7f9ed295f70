namespace AlpacaCot.Text;

/// <summary>Writes files atomically: a reader finds the complete new content or the previous one.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Runs <paramref name="write"/> on a temporary file in the same folder (created if absent), flushes it to the disk and
    /// renames it to <paramref name="path"/>. On any failure an existing file at <paramref name="path"/> is unchanged.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="verify">Checks the finished temporary file, by its path, and throws if it is invalid.</param>
    public static void Write(string path, Action<FileStream> write, Action<string>? verify = null)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            verify?.Invoke(temporary);
            File.Move(temporary, path, overwrite: true);
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
}
