using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>Names a file or folder by its content, so that results can be kept under what they were computed with.</summary>
public static class ContentFingerprint
{
    private const long Whole = 256 << 20, Sample = 1 << 20; // bytes
    private const int Samples = 64;

    /// <summary>
    /// SHA-256 over names, sizes and content of the files in a folder (or of one file). A file of more than 256 MiB counts by its
    /// size and 64 samples of 1 MiB over its length: reading 60 GB takes minutes, and weights that differ differ everywhere.
    /// </summary>
    /// <param name="path">A folder of a model, an adapter or data, with the folders in it; or a file.</param>
    /// <exception cref="InputException">There is no such path.</exception>
    public static string Of(string path)
    {
        if (!Directory.Exists(path) && !File.Exists(path)) throw new InputException($"{path}: there is no such file or folder.");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var folder = File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        IEnumerable<string> files = File.Exists(path) ? [Path.GetFileName(path)]
            : Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
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
