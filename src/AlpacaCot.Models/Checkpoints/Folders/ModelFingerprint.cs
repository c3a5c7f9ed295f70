using System.Security.Cryptography;
using System.Text;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Identifies weights without reading gigabytes: SHA-256 over every tensor's name, type and shape and 16 samples of 4 KB of
/// its bytes, evenly spaced. The container (shards, <c>.bin</c>, safetensors) does not matter.
/// </summary>
public static class ModelFingerprint
{
    private const int Samples = 16, SampleBytes = 4096;

    /// <summary>The fingerprint of the weights in a model folder or a file, 64 hexadecimal digits.</summary>
    public static string Of(ITensorFile folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, entry) in folder.Entries.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {entry.DType} {string.Join(',', entry.Shape)}\n"));
            using var scope = NewDisposeScope();
            Append(hash, folder.Read(name).cpu().contiguous());
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static unsafe void Append(IncrementalHash hash, Tensor tensor)
    {
        var length = TensorLayout.ByteCount(tensor.dtype, tensor.shape)!.Value;
        var step = Math.Max(SampleBytes, (length - SampleBytes) / (Samples - 1));
        for (long at = 0; at < length; at += step)
            hash.AppendData(new ReadOnlySpan<byte>(TensorMemory.Bytes(tensor) + at, (int)Math.Min(SampleBytes, length - at)));
    }
}
