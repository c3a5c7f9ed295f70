namespace AlpacaCot.Cli;

/// <summary>A result file that is whole or not there: written beside its place, flushed, renamed.</summary>
internal static class OutputFile
{
    public static void Write(string path, Action<Stream> write)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full)) throw new Data.InputException($"{path} is a folder; --out names a file");
        if (!Directory.Exists(Path.GetDirectoryName(full)))
            throw new Data.InputException($"{path} cannot be written: there is no folder {Path.GetDirectoryName(full)}");
        var temporary = $"{full}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        finally
        {
            File.Delete(temporary); // nothing to do after the rename
        }
    }
}
