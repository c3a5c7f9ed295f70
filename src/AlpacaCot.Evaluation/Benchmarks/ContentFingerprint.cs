using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>Fingerprints of files and folders by content, used as keys of stored results.</summary>
public static class ContentFingerprint
{
    private const long Whole = 256 << 20, Sample = 1 << 20; // bytes
    private const int Samples = 64;

    /// <summary>
    /// SHA-256 over names, sizes and contents of the files in a folder (or of one file). A file over 256 MiB is reduced to its
    /// size and 64 evenly spaced samples of 1 MiB: reading 60 GB takes minutes, and different weights differ everywhere.
    /// </summary>
    /// <param name="path">A folder with its subfolders, or a file.</param>
    /// <exception cref="InputException">The path does not exist.</exception>
    public static string Of(string path)
    {
        if (!Directory.Exists(path) && !File.Exists(path)) throw new InputException($"{path}: file or folder not found.");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var folder = File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        IEnumerable<string> files = File.Exists(path) ? [Path.GetFileName(path)]
            : FolderFiles.Below(path)
                .Select(f => Path.GetRelativePath(path, f).Replace('\\', '/'))
                .Where(f => !f.StartsWith('.') && !f.Contains("/.", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        foreach (var file in files)
        {
            using var stream = File.OpenRead(Path.Combine(folder, file));
            hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"{file}\0{stream.Length}\0")));
            if (stream.Length <= Whole) Append(stream, stream.Length, hash);
            else
                for (var i = 0; i < Samples; i++)
                {
                    stream.Position = (stream.Length - Sample) / (Samples - 1) * i;
                    Append(stream, Sample, hash);
                }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(FileStream stream, long count, IncrementalHash hash)
    {
        var buffer = new byte[Sample];
        while (count > 0 && stream.Read(buffer, 0, (int)Math.Min(count, buffer.Length)) is > 0 and var read)
        {
            hash.AppendData(buffer, 0, read);
            count -= read;
        }
    }
}
