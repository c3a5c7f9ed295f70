using System.Security.Cryptography;
using System.Text;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Tells one set of weights from another without reading gigabytes: sha256 over every tensor's name, type and shape and 16
/// stretches of 4 KB of its bytes, spread over it. The container (shards, <c>.bin</c>, safetensors) does not matter.
/// </summary>
public static class ModelFingerprint
{
    private const int Stretches = 16, StretchBytes = 4096;

    /// <summary>The fingerprint of the weights in a model folder or a file, 64 hexadecimal digits.</summary>
    public static string Of(ITensorFile folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, entry) in folder.Entries.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {entry.DType} {string.Join(',', entry.Shape)}\n"));
            using var read = folder.Read(name);
            using var plain = read.cpu().contiguous();
            Append(hash, plain);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static unsafe void Append(IncrementalHash hash, Tensor tensor)
    {
        var length = TensorLayout.ByteCount(tensor.dtype, tensor.shape)!.Value;
        var step = Math.Max(StretchBytes, (length - StretchBytes) / (Stretches - 1));
        for (long at = 0; at < length; at += step)
            hash.AppendData(new ReadOnlySpan<byte>(TensorMemory.Bytes(tensor) + at, (int)Math.Min(StretchBytes, length - at)));
    }
}
