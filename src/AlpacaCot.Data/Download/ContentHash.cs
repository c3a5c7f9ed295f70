using System.Security.Cryptography;
using System.Text;

namespace AlpacaCot.Data.Download;

/// <summary>Incremental hash of a file's content as the hub names it: sha256, or git's blob sha1 (with its header).</summary>
internal sealed class ContentHash : IDisposable
{
    private readonly IncrementalHash _hash;

    /// <param name="file">The expected file; its digest length selects the algorithm.</param>
    public ContentHash(HubFile file)
    {
        Name = file.Digest.Length == 64 ? "sha256" : "git sha1";
#pragma warning disable CA5350 // git's object id; used here only to detect corruption
        _hash = IncrementalHash.CreateHash(file.Digest.Length == 64 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        if (file.Digest.Length == 40) _hash.AppendData(Encoding.ASCII.GetBytes($"blob {file.Size}\0"));
    }

    /// <summary>Name of the algorithm for messages.</summary>
    public string Name { get; }

    /// <summary>Adds the next bytes of the content.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>The hash of all appended bytes as lower-case hexadecimal digits.</summary>
    public string Hexadecimal() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
