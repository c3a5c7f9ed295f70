using System.Security.Cryptography;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Tests;

/// <summary>The values stay: results and runs are found by them.</summary>
public sealed class FingerprintTests
{
    // FIPS 180-2, appendix B.1.
    private const string Abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    [Fact]
    public void Texts_bytes_and_files_have_the_hash_of_their_bytes()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(Abc, Fingerprint.Of("abc"));
        Assert.Equal(Abc, Fingerprint.Of("abc"u8));
        Assert.Equal(Abc, Fingerprint.OfFile(folder.Write("abc", "abc")));
        Assert.Equal(Fingerprint.Of([0xC3, 0xBC]), Fingerprint.Of("ü"));
    }

    [Fact]
    public void The_lengths_of_several_texts_count()
    {
        byte[] message = [2, 0, 0, 0, 0, 0, 0, 0, (byte)'a', (byte)'b', 1, 0, 0, 0, 0, 0, 0, 0, (byte)'c'];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(message)), Fingerprint.OfAll("ab", "c"));
        Assert.NotEqual(Fingerprint.OfAll("a", "bc"), Fingerprint.OfAll("ab", "c"));
    }
}
