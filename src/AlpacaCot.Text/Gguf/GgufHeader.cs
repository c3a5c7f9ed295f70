using System.Buffers.Binary;
using System.Text;

namespace AlpacaCot.Text.Gguf;

/// <summary>A tensor as a GGUF header describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">The size of each dimension, the slowest first (the file has them the other way round).</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Offset">Where its data begin, from the start of the file.</param>
public sealed record GgufTensor(string Name, long[] Shape, GgufType Type, long Offset);

/// <summary>
/// What a GGUF file says of itself: metadata and the places of its tensors. Every size is checked against the file's length
/// before memory is taken for it.
/// <para>Source: the format description in llama.cpp's ggml repository (gguf.md), versions 2 and 3.</para>
/// </summary>
public sealed class GgufHeader
{
    private const long LongestText = 1 << 26, MostItems = 1 << 23, MostNames = 1 << 20;
    private const int MostDimensions = 4, DeepestArray = 4;

    private readonly Dictionary<string, object> values = [];
    private readonly List<GgufTensor> tensors = [];

    private GgufHeader(string path) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Metadata: texts, <c>bool</c>, <c>long</c>, <c>double</c>, and arrays of these (<c>object[]</c>).</summary>
    public IReadOnlyDictionary<string, object> Values => values;

    /// <summary>The tensors in the file's order.</summary>
    public IReadOnlyList<GgufTensor> Tensors => tensors;

    /// <summary>Whether a file begins as GGUF does.</summary>
    public static bool Looks(string path)
    {
        Span<byte> magic = stackalloc byte[4];
        using var file = File.OpenRead(path);
        return file.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("GGUF"u8);
    }

    /// <summary>Reads a header.</summary>
    /// <exception cref="InputException">Not a GGUF file, cut short, or it asks for more than the file can hold.</exception>
    public static GgufHeader Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        var header = new GgufHeader(path);
        new Reader(file, header).Read();
        return header;
    }

    /// <summary>The text of that key, or null.</summary>
    public string? Text(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        string text => text,
        _ => throw Wrong(key, "a text"),
    };

    /// <summary>The number of that key, or null.</summary>
    public double? Number(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        long number => number,
        double number => number,
        _ => throw Wrong(key, "a number"),
    };

    /// <summary>The whole number of that key, or null; an array of one value repeated counts as that value.</summary>
    public int? Int(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        long number and >= 0 and <= int.MaxValue => (int)number,
        object[] { Length: > 0 } items when items.All(items[0].Equals) && items[0] is long and >= 0 and <= int.MaxValue =>
            (int)(long)items[0],
        _ => throw Wrong(key, "a whole number"),
    };

    /// <summary>True or false under that key, or null.</summary>
    public bool? Flag(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        bool flag => flag,
        _ => throw Wrong(key, "true or false"),
    };

    /// <summary>The array of that key, or null.</summary>
    public IReadOnlyList<T>? List<T>(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        object[] items when items.All(i => i is T) => [.. items.Cast<T>()],
        _ => throw Wrong(key, "a list of another type"),
    };

    private InputException Wrong(string key, string wanted) => new($"{Path}: {key} is not {wanted}.");

    private sealed class Reader(FileStream file, GgufHeader header)
    {
        private readonly byte[] number = new byte[8];
        private long items; // of all arrays: each takes more memory than its bytes in the file

        public void Read()
        {
            if (!Bytes(4).SequenceEqual("GGUF"u8))
                throw Bad("it does not begin with GGUF. It is another kind of file, or damaged");
            var version = (uint)Whole(4);
            if (version is not (2 or 3))
                throw Bad(BinaryPrimitives.ReverseEndianness(version) is 2 or 3 ? "it is big-endian, which is not supported"
                    : $"its version is {version}; versions 2 and 3 can be read");
            var (tensorCount, valueCount) = (Count(MostNames, 24, "tensors"), Count(MostNames, 12, "metadata entries"));
            for (long i = 0; i < valueCount; i++)
            {
                var key = Text();
                if (!header.values.TryAdd(key, Value(Whole(4), 0))) throw Bad($"{key} occurs twice");
            }
            var places = new List<(string Name, long[] Shape, GgufType Type, long Offset)>();
            for (long i = 0; i < tensorCount; i++) places.Add(Tensor());
            var alignment = header.Int("general.alignment") ?? 32;
            if (alignment == 0 || alignment % 8 != 0) throw Bad($"its alignment is {alignment}");
            var start = (file.Position + alignment - 1) / alignment * alignment;
            var names = new HashSet<string>();
            foreach (var (name, shape, type, offset) in places)
            {
                if (!names.Add(name)) throw Bad($"the tensor {name} occurs twice");
                var bytes = type.ByteCount(shape) ?? throw Bad($"{name} is {type.Name} [{string.Join(", ", shape)}], which no " +
                    "file can hold");
                if (offset < 0 || offset % alignment != 0)
                    throw Bad($"{name} begins at the impossible byte {offset} of the data");
                if (offset > file.Length - start || bytes > file.Length - start - offset)
                    throw Bad($"{name} is {type.Name} [{string.Join(", ", shape)}] and needs {bytes} bytes at byte {offset} of " +
                        $"the data, which has {Math.Max(file.Length - start, 0)}: cut short or damaged. Copy or download it again");
                header.tensors.Add(new GgufTensor(name, shape, type, start + offset));
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
                    if (depth == DeepestArray) throw Bad("its arrays are nested too deep");
                    var element = Whole(4);
                    var array = new object[Count(MostItems - items, Size(element), "elements of an array")];
                    items += array.Length;
                    for (var i = 0; i < array.Length; i++) array[i] = Value(element, depth + 1);
                    return array;
                case 10 or 11: return Whole(8);
                case 12: return BinaryPrimitives.ReadDoubleLittleEndian(Bytes(8));
                default: throw Bad($"a metadata value has the unknown type {kind}");
            }
        }

        // The fewest bytes a value takes: what bounds an array's claim.
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
                throw Bad($"it claims {(ulong)count} {what}, more than its {file.Length} bytes can hold");
            if (count > most) throw Bad($"it has {count} {what}, more than any model needs");
            return count;
        }

        private string Text()
        {
            var length = Whole(8);
            if (length < 0 || length > LongestText || length > file.Length - file.Position)
                throw Bad($"it claims a text of {(ulong)length} bytes where {file.Length - file.Position} are left");
            return Encoding.UTF8.GetString(Bytes((int)length));
        }

        private long Whole(int size) => size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))
            : BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

        private ReadOnlySpan<byte> Bytes(int count)
        {
            var bytes = count <= number.Length ? number.AsSpan(0, count) : new byte[count];
            if (file.ReadAtLeast(bytes, count, throwOnEndOfStream: false) < count)
                throw Bad($"it is cut short at {file.Length} bytes, inside its header. Copy or download it again");
            return bytes;
        }

        private InputException Bad(string problem) => new($"{header.Path} is not a usable GGUF file: {problem}.");
    }
}
