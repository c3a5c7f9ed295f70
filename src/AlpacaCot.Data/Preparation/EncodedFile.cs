using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using Microsoft.Win32.SafeHandles;

namespace AlpacaCot.Data.Preparation;

/// <summary>A tokenized data set with the conversations of its first examples.</summary>
/// <param name="Rows">The examples.</param>
/// <param name="First">Reads the conversations of the first examples that were kept; null for an example without one.</param>
public sealed record EncodedSet(EncodedDataset Rows, Func<IReadOnlyList<Conversation?>> First);

/// <summary>The content of a file of tokenized data.</summary>
/// <param name="Sets">The data sets, in the order in which they were written.</param>
/// <param name="Description">What the writer noted about them.</param>
public sealed record EncodedSets(IReadOnlyList<EncodedSet> Sets, string Description);

/// <summary>The numbers of an example as a file has them.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct EncodedNumbers(int Length, int Supervised, int Continues);

/// <summary>
/// Writes tokenized data sets into a file as a stream. The file is: a mark; the tokens of all sets; for each set its numbers of
/// examples and of conversations, length, supervised tokens and continuation (1 or 0) of each example, and the conversations;
/// the description; the position where the sets' numbers begin; the SHA-256 of all that. Numbers are little-endian.
/// </summary>
public sealed class EncodedFileWriter
{
    internal static readonly byte[] Mark = "tokens 2"u8.ToArray();

    private sealed record Part(List<EncodedNumbers> Examples, IReadOnlyList<Conversation?> First);

    private readonly Stream _to;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<Part> _parts = [];
    private long _position;
    private int[] _tokens = new int[1 << 16];
    private int _waiting;

    internal EncodedFileWriter(Stream to)
    {
        _to = to;
        Write(Mark);
    }

    /// <summary>Writes a data set.</summary>
    /// <param name="rows">The examples, enumerated once.</param>
    /// <param name="first">The conversations of the first examples, called after the last example.</param>
    public void Add(IEnumerable<TokenizedExample> rows, Func<IReadOnlyList<Conversation?>> first)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(first);
        var examples = new List<EncodedNumbers>();
        foreach (var example in rows)
        {
            var length = example.Ids.Length;
            if (_tokens.Length - _waiting < length) WriteTokens();
            if (_tokens.Length < length) _tokens = new int[length];
            examples.Add(new(length, PooledTokens.From(example, _tokens.AsSpan(_waiting)), example.Continues ? 1 : 0));
            _waiting += length;
        }
        WriteTokens();
        _parts.Add(new(examples, first()));
    }

    internal void Finish(string description)
    {
        var at = _position;
        Write(_parts.Count);
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var (examples, first) in _parts)
        {
            Write(examples.Count);
            Write(first.Count);
            Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(examples)));
            foreach (var conversation in first)
            {
                var bytes = conversation is null ? [] : ConversationBytes.Write(buffer, conversation);
                Write(bytes.Length);
                Write(bytes);
            }
        }
        var text = Encoding.UTF8.GetBytes(description);
        Write(text.Length);
        Write(text);
        Write(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in at)));
        _to.Write(_hash.GetHashAndReset());
        _hash.Dispose();
    }

    private void WriteTokens()
    {
        Write(MemoryMarshal.AsBytes(_tokens.AsSpan(0, _waiting)));
        _waiting = 0;
    }

    private void Write(int number) => Write(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in number)));

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _to.Write(bytes);
        _hash.AppendData(bytes);
        _position += bytes.Length;
    }
}

/// <summary>Opens a file that <see cref="EncodedFileWriter"/> wrote. Tokens stay in the file and are read where they are
/// needed.</summary>
internal static class EncodedFile
{
    /// <summary>Checks the whole file and opens it.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static EncodedSets Open(string path)
    {
        // The file may be replaced or removed while it is used.
        var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            Check(file);
            return Read(file);
        }
        catch (Exception e) when (e is ArgumentException or OverflowException or IndexOutOfRangeException)
        {
            file.Dispose();
            throw new InvalidDataException("the file's numbers do not fit together", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void Check(SafeFileHandle file)
    {
        var left = RandomAccess.GetLength(file) - SHA256.HashSizeInBytes;
        if (left < EncodedFileWriter.Mark.Length + sizeof(long)) throw new InvalidDataException("the file is too short");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[(int)Math.Min(left, 1 << 20)];
        for (long at = 0; at < left;)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, left - at));
            Fill(file, part, at);
            hash.AppendData(part);
            at += part.Length;
        }
        if (!hash.GetHashAndReset().AsSpan().SequenceEqual(Bytes(file, left, SHA256.HashSizeInBytes)))
            throw new InvalidDataException("its content does not have its checksum");
    }

    private static EncodedSets Read(SafeFileHandle file)
    {
        var end = RandomAccess.GetLength(file) - SHA256.HashSizeInBytes - sizeof(long);
        if (!Bytes(file, 0, EncodedFileWriter.Mark.Length).SequenceEqual(EncodedFileWriter.Mark))
            throw new InvalidDataException("the file has another form");
        var at = MemoryMarshal.Read<long>(Bytes(file, end, sizeof(long)));
        var pool = new FilePool(file, EncodedFileWriter.Mark.Length);
        var (sets, start) = (new EncodedSet[Number()], 0L);
        for (var set = 0; set < sets.Length; set++)
        {
            var (examples, conversations) = (Number(), Number());
            var places = new TokenPlace[examples];
            var numbers = MemoryMarshal.Cast<byte, EncodedNumbers>(Next(checked(Marshal.SizeOf<EncodedNumbers>() * examples)));
            for (var i = 0; i < examples; i++)
            {
                places[i] = new(start, numbers[i].Length, numbers[i].Supervised, numbers[i].Continues != 0);
                start += places[i].Length;
            }
            var first = at;
            for (var i = 0; i < conversations; i++) at += sizeof(int) + Count(file, at);
            sets[set] = new(new EncodedDataset(pool, places), () => Conversations(file, first, conversations));
        }
        return new(sets, Encoding.UTF8.GetString(Next(Number())));

        int Number()
        {
            at += sizeof(int);
            return Count(file, at - sizeof(int));
        }

        ReadOnlySpan<byte> Next(int size)
        {
            at += size;
            return Bytes(file, at - size, size);
        }
    }

    private static Conversation?[] Conversations(SafeFileHandle file, long at, int count)
    {
        var conversations = new Conversation?[count];
        for (var i = 0; i < count; i++)
        {
            var size = Count(file, at);
            if (size > 0) conversations[i] = ConversationBytes.Read(Bytes(file, at + sizeof(int), size));
            at += sizeof(int) + size;
        }
        return conversations;
    }

    private static int Count(SafeFileHandle file, long at) =>
        MemoryMarshal.Read<int>(Bytes(file, at, sizeof(int))) is >= 0 and var count
        ? count : throw new InvalidDataException("a number in the file is negative");

    private static ReadOnlySpan<byte> Bytes(SafeFileHandle file, long at, int size)
    {
        if (size > RandomAccess.GetLength(file) - at) throw new InvalidDataException("the file is truncated");
        var bytes = new byte[size];
        Fill(file, bytes, at);
        return bytes;
    }

    private static void Fill(SafeFileHandle file, Span<byte> bytes, long at)
    {
        while (bytes.Length > 0)
        {
            var count = RandomAccess.Read(file, bytes, at);
            if (count == 0) throw new InvalidDataException("the file is truncated");
            at += count;
            bytes = bytes[count..];
        }
    }
}
