using AlpacaCot.Text;

namespace AlpacaCot.Cli.Output;

/// <summary>A result file that is whole or not there: written beside its place, flushed, renamed.</summary>
internal static class OutputFile
{
    public static void Write(string path, Action<FileStream> write)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full)) throw new InputException($"{path} is a folder; --out names a file");
        if (!Directory.Exists(Path.GetDirectoryName(full)))
            throw new InputException($"{path} cannot be written: there is no folder {Path.GetDirectoryName(full)}");
        AtomicFile.Write(full, write);
    }
}
