using System.Runtime.InteropServices;
using System.Text;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>
/// Names and shingles of the kept records, for comparison with later ones. They are stored in a temporary file cached by the
/// operating system; managed memory is sixteen bytes per record.
/// </summary>
internal sealed class KeptRecords : IDisposable
{
    private const int Pending = 1 << 20;   // bytes buffered before a write

    private readonly FileStream _file;
    private readonly Slabs<(long Start, int Shingles)> _places = new();
    private readonly byte[] _pending = new byte[Pending];
    private long _written;
    private int _waiting;
    private byte[] _read = new byte[4096];

    public KeptRecords(string folder)
    {
        try
        {
            _file = Leftovers.Unnamed(new FileStream(Path.Combine(folder, $"alpaca-cot-{Guid.NewGuid():N}.shingles"),
                FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 0,
                FileOptions.DeleteOnClose | FileOptions.RandomAccess));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{folder}: cannot create a temporary file: {refused.Message}", refused);
        }
    }

    public int Count => _places.Count;

    /// <summary>Adds a record; its number is the previous <see cref="Count"/>.</summary>
    public void Add(string origin, ReadOnlySpan<ulong> shingles)
    {
        _places.Add((_written + _waiting, shingles.Length));
        Append(MemoryMarshal.AsBytes(shingles));
        Append(BitConverter.GetBytes(Encoding.UTF8.GetByteCount(origin)));
        Append(Encoding.UTF8.GetBytes(origin));
    }

    /// <summary>Number of shingles of a record.</summary>
    public int ShingleCount(int record) => _places[record].Shingles;

    /// <summary>The shingles of a record; valid until the next call.</summary>
    public ReadOnlySpan<ulong> Shingles(int record) =>
        MemoryMarshal.Cast<byte, ulong>(Read(_places[record].Start, 8 * _places[record].Shingles));

    /// <summary>Source of a record, for messages.</summary>
    public string Origin(int record)
    {
        var at = _places[record].Start + 8 * _places[record].Shingles;
        var size = BitConverter.ToInt32(Read(at, 4));
        return Encoding.UTF8.GetString(Read(at + 4, size));
    }

    public void Dispose() => _file.Dispose();

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _pending.Length - _waiting)
        {
            RandomAccess.Write(_file.SafeFileHandle, _pending.AsSpan(0, _waiting), _written);
            (_written, _waiting) = (_written + _waiting, 0);
        }
        if (bytes.Length > _pending.Length)
        {
            RandomAccess.Write(_file.SafeFileHandle, bytes, _written);
            _written += bytes.Length;
            return;
        }
        bytes.CopyTo(_pending.AsSpan(_waiting));
        _waiting += bytes.Length;
    }

    private ReadOnlySpan<byte> Read(long start, int size)
    {
        if (start >= _written) return _pending.AsSpan((int)(start - _written), size);
        if (_read.Length < size) _read = new byte[Math.Max(size, 2 * _read.Length)];
        for (var got = 0; got < size;)
        {
            var count = RandomAccess.Read(_file.SafeFileHandle, _read.AsSpan(got, size - got), start + got);
            if (count == 0) throw new IOException("a temporary file was truncated");
            got += count;
        }
        return _read.AsSpan(0, size);
    }
}
