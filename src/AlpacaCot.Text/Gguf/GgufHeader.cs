using System.Buffers.Binary;
using System.Text;

namespace AlpacaCot.Text.Gguf;

/// <summary>A tensor's entry in a GGUF header.</summary>
/// <param name="Name">Name of the tensor.</param>
/// <param name="Shape">Dimensions, slowest-varying first (the file stores them in reverse order).</param>
/// <param name="Type">The element type.</param>
/// <param name="Offset">Byte offset of the data from the start of the file.</param>
public sealed record GgufTensor(string Name, long[] Shape, GgufType Type, long Offset);

/// <summary>
/// The header of a GGUF file: metadata and tensor entries. Every size is checked against the file's length before memory is
/// allocated for it.
/// <para>Source: the format description in llama.cpp's ggml repository (gguf.md), versions 2 and 3.</para>
/// </summary>
public sealed class GgufHeader
{
    private const long LongestText = 1 << 26, MostItems = 1 << 23, MostNames = 1 << 20;
    private const int MostDimensions = 4, DeepestArray = 4;

    private readonly Dictionary<string, object> _values = [];
    private readonly List<GgufTensor> _tensors = [];

    private GgufHeader(string path) => Path = path;

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>Metadata: <c>string</c>, <c>bool</c>, <c>long</c>, <c>double</c>, arrays of these (<c>object[]</c>).</summary>
    public IReadOnlyDictionary<string, object> Values => _values;

    /// <summary>The tensors in file order.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _tensors;

    /// <summary>Whether a file starts with the GGUF magic.</summary>
    public static bool Looks(string path)
    {
        Span<byte> magic = stackalloc byte[4];
        using var file = File.OpenRead(path);
        return file.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("GGUF"u8);
    }

    /// <summary>Reads and validates a header.</summary>
    /// <exception cref="InputException">Not a GGUF file, truncated, or with sizes beyond the file's length.</exception>
    public static GgufHeader Read(string path) => InputBoundary.Read(path, () => ReadFile(path));

    private static GgufHeader ReadFile(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        var header = new GgufHeader(path);
        new Reader(file, header).Read();
        return header;
    }

    /// <summary>The string value of a key; null if missing.</summary>
    public string? Text(string key) => _values.GetValueOrDefault(key) switch
    {
        null => null,
        string text => text,
        _ => throw Wrong(key, "a text"),
    };

    /// <summary>The numeric value of a key; null if missing.</summary>
    public double? Number(string key) => _values.GetValueOrDefault(key) switch
    {
        null => null,
        long number => number,
        double number => number,
        _ => throw Wrong(key, "a number"),
    };

    /// <summary>The integer value of a key; null if missing. An array of one repeated value counts as that value.</summary>
    public int? Int(string key) => _values.GetValueOrDefault(key) switch
    {
        null => null,
        long number and >= 0 and <= int.MaxValue => (int)number,
        object[] { Length: > 0 } items when items.All(items[0].Equals) && items[0] is long and >= 0 and <= int.MaxValue =>
            (int)(long)items[0],
        _ => throw Wrong(key, "a whole number"),
    };

    /// <summary>The boolean value of a key; null if missing.</summary>
    public bool? Flag(string key) => _values.GetValueOrDefault(key) switch
    {
        null => null,
        bool flag => flag,
        _ => throw Wrong(key, "true or false"),
    };

    /// <summary>The array value of a key; null if missing.</summary>
    public IReadOnlyList<T>? List<T>(string key) => _values.GetValueOrDefault(key) switch
    {
        null => null,
        object[] items when items.All(i => i is T) => [.. items.Cast<T>()],
        _ => throw Wrong(key, "a list of another type"),
    };

    private InputException Wrong(string key, string wanted) => new($"{Path}: {key} is not {wanted}.");

    private sealed class Reader(FileStream file, GgufHeader header)
    {
        private readonly byte[] _number = new byte[8];
        private long _items; // of all arrays; an item takes more memory than file bytes

        public void Read()
        {
            if (!Bytes(4).SequenceEqual("GGUF"u8))
                throw Bad("the GGUF magic is missing. It has another format, or is corrupt");
            var version = (uint)Whole(4);
            if (version is not (2 or 3))
                throw Bad(BinaryPrimitives.ReverseEndianness(version) is 2 or 3 ? "it is big-endian, which is not supported"
                    : $"its version is {version}; versions 2 and 3 are supported");
            var (tensorCount, valueCount) = (Count(MostNames, 24, "tensors"), Count(MostNames, 12, "metadata entries"));
            for (long i = 0; i < valueCount; i++)
            {
                var key = Text();
                if (!header._values.TryAdd(key, Value(Whole(4), 0))) throw Bad($"{key} occurs twice");
            }
            var places = new List<(string Name, long[] Shape, GgufType Type, long Offset)>();
            for (long i = 0; i < tensorCount; i++) places.Add(Tensor());
            var alignment = header.Int("general.alignment") ?? 32;
            if (alignment == 0 || alignment % 8 != 0) throw Bad($"its alignment is {alignment}, not a positive multiple of 8");
            var start = (file.Position + alignment - 1) / alignment * alignment;
            var names = new HashSet<string>();
            foreach (var (name, shape, type, offset) in places)
            {
                if (!names.Add(name)) throw Bad($"the tensor {name} occurs twice");
                var bytes = type.ByteCount(shape) ?? throw Bad($"{name} is {type.Name} [{string.Join(", ", shape)}], beyond " +
                    "the largest size");
                if (offset < 0 || offset % alignment != 0)
                    throw Bad($"{name} has the invalid data offset {offset}");
                if (offset > file.Length - start || bytes > file.Length - start - offset)
                    throw Bad($"{name} is {type.Name} [{string.Join(", ", shape)}] and needs {bytes} bytes at byte {offset} of " +
                        $"the data, which has {Math.Max(file.Length - start, 0)}: truncated or corrupt; download it again");
                header._tensors.Add(new GgufTensor(name, shape, type, start + offset));
            }
        }

        private (string, long[], GgufType, long) Tensor()
        {
            var name = Text();
            var dimensions = Whole(4);
            if (dimensions is < 0 or > MostDimensions) throw Bad($"{name} has {dimensions} dimensions; at most {MostDimensions}");
            var shape = new long[dimensions];
            for (var i = shape.Length - 1; i >= 0; i--) shape[i] = Whole(8);
            var id = (uint)Whole(4);
            var type = GgufType.All.FirstOrDefault(t => t.Id == id)
                ?? throw Bad($"{name} has the element type {id}, which cannot be read here; {string.Join(", ",
                    GgufType.All.Select(t => t.Name))} can. Convert the file");
            return (name, shape, type, Whole(8));
        }

        private object Value(long kind, int depth)
        {
            switch (kind)
            {
                case 0: return (long)Bytes(1)[0];
                case 1: return (long)(sbyte)Bytes(1)[0];
                case 2: return (long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));
                case 3: return (long)BinaryPrimitives.ReadInt16LittleEndian(Bytes(2));
                case 4: return Whole(4);
                case 5: return (long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));
                case 6: return (double)BinaryPrimitives.ReadSingleLittleEndian(Bytes(4));
                case 7: return Bytes(1)[0] != 0;
                case 8: return Text();
                case 9:
                    if (depth == DeepestArray) throw Bad("its arrays are nested too deeply");
                    var element = Whole(4);
                    var array = new object[Count(MostItems - _items, Size(element), "elements of an array")];
                    _items += array.Length;
                    for (var i = 0; i < array.Length; i++) array[i] = Value(element, depth + 1);
                    return array;
                case 10 or 11: return Whole(8);
                case 12: return BinaryPrimitives.ReadDoubleLittleEndian(Bytes(8));
                default: throw Bad($"a metadata value has the unknown type {kind}");
            }
        }

        // Minimum size of a value in bytes; bounds the length of an array.
        private int Size(long kind) => kind switch
        {
            0 or 1 or 7 => 1,
            2 or 3 => 2,
            4 or 5 or 6 => 4,
            8 or 10 or 11 or 12 => 8,
            9 => 12,
            _ => throw Bad($"a metadata value has the unknown type {kind}"),
        };

        private long Count(long most, int least, string what)
        {
            var count = Whole(8);
            if (count < 0 || count > (file.Length - file.Position) / least)
                throw Bad($"it declares {(ulong)count} {what}, more than its {file.Length} bytes can contain");
            if (count > most) throw Bad($"it declares {count} {what}; at most {most} are allowed");
            return count;
        }

        private string Text()
        {
            var length = Whole(8);
            if (length < 0 || length > LongestText || length > file.Length - file.Position)
                throw Bad($"it declares a string of {(ulong)length} bytes with {file.Length - file.Position} left in the file");
            return Encoding.UTF8.GetString(Bytes((int)length));
        }

        private long Whole(int size) => size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))
            : BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

        private ReadOnlySpan<byte> Bytes(int count)
        {
            var bytes = count <= _number.Length ? _number.AsSpan(0, count) : new byte[count];
            if (file.ReadAtLeast(bytes, count, throwOnEndOfStream: false) < count)
                throw Bad($"it is truncated at {file.Length} bytes, inside its header. Copy or download it again");
            return bytes;
        }

        private InputException Bad(string problem) => new($"{header.Path} is not a usable GGUF file: {problem}.");
    }
}
