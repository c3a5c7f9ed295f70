using System.Security.Cryptography;
using System.Text;

namespace AlpacaCot.Data.Download;

/// <summary>The hash by which the hub names a content: sha256, or git's blob sha1, which begins with the kind and size.</summary>
internal sealed class ContentHash : IDisposable
{
    private readonly IncrementalHash _hash;

    /// <param name="file">The file whose content will come.</param>
    public ContentHash(HubFile file)
    {
        Name = file.Digest.Length == 64 ? "sha256" : "git sha1";
#pragma warning disable CA5350 // git's name for a blob; damage is what it finds here
        _hash = IncrementalHash.CreateHash(file.Digest.Length == 64 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        if (file.Digest.Length == 40) _hash.AppendData(Encoding.ASCII.GetBytes($"blob {file.Size}\0"));
    }

    /// <summary>What it is called in messages.</summary>
    public string Name { get; }

    /// <summary>Adds the next bytes of the content.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>The hash of all that was added, in small hexadecimal digits.</summary>
    public string Hexadecimal() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
