using System.Buffers.Binary;
using System.Text;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// Reads the pickles of torch.save without executing code: it supports plain values, containers, and the few names that stand
/// for tensors. Any other name or opcode is rejected before it is evaluated.
/// <para>Source: the opcode descriptions in Python's <c>pickletools</c>; the names are those of
/// <c>torch.serialization</c>.</para>
/// </summary>
internal sealed class PickleReader(MappedFile map, long start, long length, string name)
{
    private const int MostObjects = 4_000_000; // far beyond any checkpoint; bounds the memory a hostile file can claim
    private const int MostDimensions = 64;
    private const int LongestInteger = 1024;

    private static readonly Dictionary<string, PickleGlobal> Allowed = BuildAllowed();

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private long _offset; // from start
    private long _opcodeAt;
    private int _objects;

    /// <summary>The offset of the next pickle in the file.</summary>
    public long Position => start + _offset;

    /// <summary>Reads one pickle, up to its STOP opcode.</summary>
    /// <exception cref="InputException">The pickle is damaged or contains more than tensors and plain containers; the message
    /// gives the byte offset.</exception>
    public object? Read()
    {
        _stack.Clear();
        _marks.Clear();
        _memo.Clear(); // each pickle has its own
        while (true)
        {
            _opcodeAt = _offset;
            var opcode = (char)Take(1)[0];
            if (opcode == '.') return Pop();
            Step(opcode);
        }
    }

    private void Step(char opcode)
    {
        switch (opcode)
        {
            case '\x80': Take(1); break; // PROTO
            case '\x95': Take(8); break; // FRAME
            case '(': _marks.Add(_stack.Count); break;
            case 'N': Push(null); break;
            case '\x88': Push(true); break;
            case '\x89': Push(false); break;
            case 'K': Push((long)Take(1)[0]); break;
            case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case '\x8a': PushInteger(Take(1)[0]); break; // LONG1
            case '\x8b': PushInteger(Size(4)); break; // LONG4
            case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case '\x8c': PushText(Take(1)[0]); break; // SHORT_BINUNICODE
            case 'X': PushText(Size(4)); break;
            case '\x8d': PushText(Size(8)); break; // BINUNICODE8
            case 'U': PushText(Take(1)[0]); break; // SHORT_BINSTRING, Python 2
            case 'T': PushText(Size(4)); break; // BINSTRING
            case 'C': Push(Take(Take(1)[0]).ToArray()); break; // SHORT_BINBYTES
            case 'B': Push(Take(Size(4)).ToArray()); break;
            case ']': Push(new PickleList([])); break;
            case '}': Push(new PickleDict([])); break;
            case ')': Push(new PickleTuple([])); break;
            case 't': Push(new PickleTuple(PopToMark())); break;
            case '\x85': PushTuple(1); break;
            case '\x86': PushTuple(2); break;
            case '\x87': PushTuple(3); break;
            case 'a': Append([Pop()]); break;
            case 'e': Append(PopToMark()); break;
            case 's': var value = Pop(); SetItems([Pop(), value]); break;
            case 'u': SetItems(PopToMark()); break;
            case 'q': Remember(Take(1)[0]); break; // BINPUT
            case 'r': Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
            case '\x94': Remember((uint)_memo.Count); break; // MEMOIZE
            case 'h': Push(Recall(Take(1)[0])); break; // BINGET
            case 'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case 'c': Push(Global("GLOBAL", Line(), Line())); break;
            case '\x93':
                var attribute = Pop() as string ?? "?";
                Push(Global("STACK_GLOBAL", Pop() as string ?? "?", attribute));
                break;
            case 'R': var arguments = Pop(); Push(Call(Pop(), arguments)); break;
            case 'b': var state = Pop(); Build(state); break;
            case 'Q': Push(Storage(Pop())); break; // BINPERSID
            case 'i': throw Rejected($"INST {Line()}.{Line()}");
            case 'o': throw Rejected("OBJ");
            case '\x81': throw Rejected("NEWOBJ");
            case '\x92': throw Rejected("NEWOBJ_EX");
            case '\x82': throw Rejected($"EXT1 {Take(1)[0]}");
            case '\x83': throw Rejected($"EXT2 {BinaryPrimitives.ReadUInt16LittleEndian(Take(2))}");
            case '\x84': throw Rejected($"EXT4 {BinaryPrimitives.ReadUInt32LittleEndian(Take(4))}");
            default: throw Damaged($"the byte 0x{(int)opcode:x2} is not an opcode of torch.save");
        }
    }

    private PickleGlobal Global(string opcode, string module, string attribute) =>
        Allowed.TryGetValue($"{module}.{attribute}", out var global) ? global : throw Rejected($"{opcode} {module}.{attribute}");

    private object? Call(object? function, object? arguments)
    {
        if (function is not PickleGlobal { Storage: null } global) throw Rejected("REDUCE of something that is not a function");
        if (arguments is not PickleTuple { Items: var items })
            throw Damaged($"{global.Name} is called without a tuple of arguments");
        switch (global.Name)
        {
            case "collections.OrderedDict":
                return new PickleDict(items is [PickleList pairs] ? Pairs(pairs) : items is [] ? [] : throw BadCall(global));
            case "torch.Size":
                return items is [PickleTuple sizes] ? sizes : throw BadCall(global);
            case "torch._utils._rebuild_parameter":
                return items is [TorchTensor data, ..] ? data : throw BadCall(global);
            case "torch._utils._rebuild_tensor_v2":
                return items is [TorchStorage storage, long offset, PickleTuple shape, PickleTuple strides, ..]
                    ? new TorchTensor(storage, offset, Numbers(shape), Numbers(strides))
                    : throw BadCall(global);
            default:
                throw Rejected($"REDUCE {global.Name}");
        }
    }

    private List<KeyValuePair<object?, object?>> Pairs(PickleList list)
    {
        Spend(list.Items.Count); // a list that is referenced repeatedly must not multiply memory
        return [.. list.Items.Select(item => item switch
        {
            PickleTuple { Items: [var key, var value] } => KeyValuePair.Create(key, value),
            PickleList { Items: [var key, var value] } => KeyValuePair.Create(key, value),
            _ => throw Damaged("OrderedDict is called with items other than pairs"),
        })];
    }

    private long[] Numbers(PickleTuple tuple)
    {
        if (tuple.Items.Length > MostDimensions)
            throw Damaged($"a tensor has {tuple.Items.Length} dimensions; at most {MostDimensions} are supported");
        return [.. tuple.Items.Select(item =>
            item is long number ? number : throw Damaged("a tensor's shape contains values other than integers"))];
    }

    // An OrderedDict may have attributes (a state dict's _metadata), which are ignored. No other object has a state.
    private void Build(object? state)
    {
        if (_stack is not [.., PickleDict] || state is not PickleDict)
            throw Rejected("BUILD of something that is not an OrderedDict");
    }

    private TorchStorage Storage(object? id)
    {
        if (id is not PickleTuple
            { Items: ["storage", PickleGlobal { Storage: { } dtype }, string key, _, long count and >= 0, .. var rest] })
            throw Damaged("a persistent id does not name a storage");
        if (rest is not ([] or [null]))
            throw Damaged($"storage {key} is a view of another, as only PyTorch before 0.4 wrote it; save the file again");
        return new TorchStorage(key, dtype, count);
    }

    private void Append(ReadOnlySpan<object?> items)
    {
        if (_stack is not [.., PickleList list]) throw Damaged("a value is appended to an object that is not a list");
        list.Items.AddRange(items);
    }

    private void SetItems(ReadOnlySpan<object?> items)
    {
        if (_stack is not [.., PickleDict dict]) throw Damaged("items are set in an object that is not a dict");
        if (items.Length % 2 != 0) throw Damaged("a key has no value");
        for (var i = 0; i < items.Length; i += 2) dict.Items.Add(new(items[i], items[i + 1]));
    }

    private void Remember(uint index)
    {
        Spend(1);
        _memo[index] = _stack.Count > 0 ? _stack[^1] : throw Damaged("the stack is empty where a value is memoized");
    }

    private object? Recall(uint index) =>
        _memo.TryGetValue(index, out var value) ? value : throw Damaged($"memo {index} was never set");

    private void Push(object? value)
    {
        Spend(1);
        _stack.Add(value);
    }

    private object? Pop()
    {
        if (_stack.Count == 0 || (_marks.Count > 0 && _marks[^1] >= _stack.Count)) throw Damaged("a value is missing");
        var value = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] PopToMark()
    {
        if (_marks.Count == 0) throw Damaged("a mark is missing");
        var from = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        var items = _stack[from..].ToArray();
        _stack.RemoveRange(from, items.Length);
        return items;
    }

    private void PushTuple(int count)
    {
        var items = new object?[count];
        for (var i = count - 1; i >= 0; i--) items[i] = Pop();
        Push(new PickleTuple(items));
    }

    private void PushInteger(long count)
    {
        if (count > LongestInteger) throw Damaged($"an integer of {count} bytes; at most {LongestInteger} are supported");
        var bytes = Take(count);
        if (bytes.Length > 8)
        {
            Push(new PickleInteger(bytes.ToArray()));
            return;
        }
        Span<byte> wide = stackalloc byte[8];
        wide.Fill(bytes.Length > 0 && bytes[^1] >= 0x80 ? (byte)0xff : (byte)0);
        bytes.CopyTo(wide);
        Push(BinaryPrimitives.ReadInt64LittleEndian(wide));
    }

    private void PushText(long count) => Push(Encoding.UTF8.GetString(Take(count)));

    private long Size(int width)
    {
        var bytes = Take(width);
        return width == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count < 0 || count > length - _offset || count > int.MaxValue)
            throw Damaged($"{count} bytes are needed at byte {_offset}, {length - _offset} " +
                "are left: the file is truncated or damaged");
        var bytes = map.Bytes(start + _offset, (int)count);
        _offset += count;
        return bytes;
    }

    private string Line()
    {
        var rest = map.Bytes(start + _offset, (int)Math.Min(length - _offset, 1024));
        var end = rest.IndexOf((byte)'\n');
        if (end < 0) throw Damaged("a name has no end");
        _offset += end + 1;
        return Encoding.UTF8.GetString(rest[..end]);
    }

    private void Spend(int count)
    {
        if ((_objects += count) > MostObjects || _objects < 0)
            throw Damaged($"more than {MostObjects} objects, the supported maximum");
    }

    private InputException BadCall(PickleGlobal global) =>
        Damaged($"{global.Name} is called with arguments that torch.save does not write");

    private InputException Damaged(string problem) =>
        new($"{map.Path}: not a usable file of torch.save: {problem} (byte {_opcodeAt} of {name}).");

    private InputException Rejected(string what) =>
        new($"{map.Path}: rejected: {what} at byte {_opcodeAt} of {name}. Tensors and plain containers do not need " +
            "it: this file tries to execute code. If you trust its origin, convert it to safetensors elsewhere.");

    private static Dictionary<string, PickleGlobal> BuildAllowed()
    {
        string[] functions =
            ["collections.OrderedDict", "torch.Size", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"];
        string[] dtypes = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"];
        (string Name, ScalarType Type)[] storages =
        [
            ("DoubleStorage", ScalarType.Float64), ("FloatStorage", ScalarType.Float32), ("HalfStorage", ScalarType.Float16),
            ("BFloat16Storage", ScalarType.BFloat16), ("LongStorage", ScalarType.Int64), ("IntStorage", ScalarType.Int32),
            ("ShortStorage", ScalarType.Int16), ("CharStorage", ScalarType.Int8), ("ByteStorage", ScalarType.Byte),
            ("BoolStorage", ScalarType.Bool),
        ];
        return functions.Concat(dtypes.Select(d => $"torch.{d}")).Select(n => new PickleGlobal(n, null))
            .Concat(storages.Select(s => new PickleGlobal($"torch.{s.Name}", s.Type)))
            .Concat(storages.Select(s => new PickleGlobal($"torch.cuda.{s.Name}", s.Type)))
            .ToDictionary(g => g.Name);
    }
}
