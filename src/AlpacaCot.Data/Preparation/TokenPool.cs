using System.Runtime.InteropServices;
using AlpacaCot.Text.Examples;

namespace AlpacaCot.Data.Preparation;

/// <summary>
/// The tokens of many examples one after another, each as its id, or as the complement of its id if it is not supervised.
/// Thread-safe for reading.
/// </summary>
internal interface ITokenPool
{
    /// <summary>Copies tokens.</summary>
    void Read(long start, Span<int> into);
}

/// <summary>The place of an example in a pool.</summary>
/// <param name="Start">The position of its first token.</param>
/// <param name="Length">Its number of tokens.</param>
/// <param name="Supervised">The number of supervised ones.</param>
/// <param name="Continues">Whether it is the next part of the same text as the example before it.</param>
internal readonly record struct TokenPlace(long Start, int Length, int Supervised, bool Continues = false);

/// <summary>The form of tokens in a pool.</summary>
internal static class PooledTokens
{
    /// <summary>Converts an example; returns the number of its supervised tokens.</summary>
    public static int From(TokenizedExample example, Span<int> tokens)
    {
        var (ids, labels) = example;
        if (labels.Length != ids.Length) throw new ArgumentException("labels and ids differ in length", nameof(example));
        var supervised = 0;
        for (var i = 0; i < ids.Length; i++)
        {
            var isSupervised = labels[i] == ids[i];
            if (!isSupervised && labels[i] != TokenizedExample.Ignored)
                throw new ArgumentException($"label {labels[i]} belongs to id {ids[i]}", nameof(example));
            tokens[i] = isSupervised ? ids[i] : ~ids[i];
            if (isSupervised) supervised++;
        }
        return supervised;
    }

    /// <summary>Converts tokens in place to ids, and writes their labels.</summary>
    public static void Open(Span<int> tokens, Span<int> labels)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            var token = tokens[i];
            labels[i] = token >= 0 ? token : TokenizedExample.Ignored;
            tokens[i] = token >= 0 ? token : ~token;
        }
    }
}

/// <summary>A pool in memory, in blocks so that it grows without copies.</summary>
internal sealed class MemoryPool : ITokenPool
{
    private const int BlockSize = 1 << 22;

    private readonly List<int[]> _blocks = [];
    private long _used;

    /// <summary>Appends tokens; returns the position of the first.</summary>
    public long Add(ReadOnlySpan<int> tokens)
    {
        var start = _used;
        while (tokens.Length > 0)
        {
            var at = (int)(_used % BlockSize);
            if (at == 0) _blocks.Add(new int[BlockSize]);
            var part = tokens[..Math.Min(tokens.Length, BlockSize - at)];
            part.CopyTo(_blocks[^1].AsSpan(at));
            _used += part.Length;
            tokens = tokens[part.Length..];
        }
        return start;
    }

    /// <summary>Frees the unused end of the last block. Nothing can be added afterwards.</summary>
    public void Trim()
    {
        if (_used % BlockSize is not 0 and var used) _blocks[^1] = _blocks[^1][..(int)used];
    }

    public void Read(long start, Span<int> into)
    {
        while (into.Length > 0)
        {
            var block = _blocks[(int)(start / BlockSize)].AsSpan((int)(start % BlockSize));
            var part = into[..Math.Min(into.Length, block.Length)];
            block[..part.Length].CopyTo(part);
            start += part.Length;
            into = into[part.Length..];
        }
    }
}

/// <summary>A pool in a file, which is read where it is needed and stays open as long as the pool is used.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">The position of its first token in bytes.</param>
internal sealed class FilePool(Microsoft.Win32.SafeHandles.SafeFileHandle file, long offset) : ITokenPool
{
    public void Read(long start, Span<int> into)
    {
        var bytes = MemoryMarshal.AsBytes(into);
        for (var at = offset + sizeof(int) * start; bytes.Length > 0;)
        {
            var count = RandomAccess.Read(file, bytes, at);
            if (count == 0) throw new IOException("a file of tokenized data was truncated while it was used; run the command "
                + "again");
            at += count;
            bytes = bytes[count..];
        }
    }
}
