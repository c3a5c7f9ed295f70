using AlpacaCot.Text;

namespace AlpacaCot.Cli.Output;

/// <summary>Writes a file atomically: to a temporary file in the same folder, which is flushed and renamed.</summary>
internal static class OutputFile
{
    public static void Write(string path, Action<FileStream> write)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full)) throw new InputException($"{path} is a folder; --out must be a file");
        if (!Directory.Exists(Path.GetDirectoryName(full)))
            throw new InputException($"{path} cannot be written: folder {Path.GetDirectoryName(full)} not found");
        AtomicFile.Write(full, write);
    }
}
