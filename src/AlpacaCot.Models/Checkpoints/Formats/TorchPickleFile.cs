using System.Buffers.Binary;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// The weights in a file of torch.save (<c>.bin</c>, <c>.pt</c>, <c>.pth</c>): the zip format since PyTorch 1.6 and the older
/// sequence of pickles. No code in the file is executed (see <see cref="PickleReader"/>); contiguous tensors are not copied.
/// <para>Values of a state dict other than tensors are skipped. One level of nesting, <c>{"model": {...}}</c>, is
/// resolved.</para>
/// </summary>
public sealed class TorchPickleFile : ITensorFile
{
    private static readonly byte[] LegacyMagic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    private static readonly string[] Wrappers = ["state_dict", "model", "model_state_dict", "module"];

    private readonly MappedFile _map;
    private readonly Dictionary<string, TorchTensor> _tensors;
    private readonly Dictionary<string, long> _storageOffsets; // by storage key, from the start of the file
    private readonly Dictionary<string, TensorEntry> _entries;

    private TorchPickleFile(MappedFile map, Dictionary<string, TorchTensor> tensors, Dictionary<string, long> storageOffsets)
    {
        (this._map, this._tensors, this._storageOffsets) = (map, tensors, storageOffsets);
        _entries = tensors.ToDictionary(t => t.Key, t => new TensorEntry(t.Key, t.Value.Storage.DType, t.Value.Shape));
    }

    /// <inheritdoc/>
    public string Path => _map.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Entries => _entries;

    /// <summary>Opens a file and checks its structure and the bounds of every tensor.</summary>
    /// <exception cref="InputException">The file is absent, truncated, without a state dict, or contains more than tensors and
    /// containers.</exception>
    public static TorchPickleFile Open(string path)
    {
        var map = MappedFile.Open(path);
        try
        {
            NonHuggingFaceFile.Refuse(map);
            return map.Length >= 4 && map.Bytes(0, 4).SequenceEqual("PK\x03\x04"u8) ? OpenZip(map) : OpenLegacy(map);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        if (!_tensors.TryGetValue(name, out var tensor)) throw new InputException($"{Path} has no tensor {name}.");
        var dtype = tensor.Storage.DType;
        var bytes = TensorLayout.ByteCount(dtype, tensor.Shape)!.Value; // checked on opening
        if (bytes == 0) return Tensors.Empty(tensor.Shape, dtype, CPU);
        var start = _storageOffsets[tensor.Storage.Key] + tensor.Offset * TensorLayout.ItemSize(dtype);
        if (IsContiguous(tensor)) return _map.Tensor(start, dtype, tensor.Shape);

        // A stride of 0 repeats elements, so a small file could request any amount of memory.
        if (bytes > _map.Length)
            throw new InputException($"{Path}: {name} expands by stride 0 to {bytes} bytes, " +
                "more than the file contains. Save it " +
                "as a contiguous tensor.");
        using var elements = _map.Tensor(start, dtype, [(long)Span(tensor)]);
        using var view = elements.as_strided(tensor.Shape, tensor.Strides);
        return view.contiguous();
    }

    /// <summary>Releases the file; tensors read from it stay valid.</summary>
    public void Dispose() => _map.Dispose();

    private static TorchPickleFile OpenZip(MappedFile map)
    {
        var zip = ZipDirectory.Read(map);
        var pickles = zip.Keys.Where(n => n.IndexOf('/') is > 0 and var slash && n[slash..] == "/data.pkl").ToList();
        if (pickles.Count != 1)
            throw new InputException($"{map.Path} is a zip file but not one of torch.save: it has no data.pkl.");
        var folder = pickles[0][..^"data.pkl".Length];
        if (zip.ContainsKey(folder + "constants.pkl"))
            throw new InputException($"{map.Path} is a TorchScript program, not a file of weights. Save the model's " +
                "state_dict() instead.");
        if (zip.TryGetValue(folder + "byteorder", out var order)
            && map.Bytes(order.Offset, (int)Math.Min(order.Length, 3)).SequenceEqual("big"u8))
            throw new InputException($"{map.Path} was saved on a big-endian machine. Convert it to safetensors there.");

        var (offset, length) = zip[pickles[0]];
        var tensors = StateDict(map, new PickleReader(map, offset, length, pickles[0]).Read());
        var offsets = new Dictionary<string, long>();
        foreach (var (name, tensor) in tensors)
        {
            var storage = tensor.Storage;
            if (!zip.TryGetValue($"{folder}data/{storage.Key}", out var data))
                throw new InputException($"{map.Path}: the data of {name} ({folder}data/{storage.Key}) are missing.");
            if ((Int128)storage.Count * TensorLayout.ItemSize(storage.DType) > data.Length)
                throw new InputException($"{map.Path}: the data of {name} are truncated: {storage.Count} elements of " +
                    $"{storage.DType} need more than the {data.Length} bytes there are.");
            offsets[storage.Key] = data.Offset;
        }
        return new TorchPickleFile(map, tensors, offsets);
    }

    // Magic number, protocol version, system information, the object, the order of the storages; then each storage, preceded by
    // its length.
    private static TorchPickleFile OpenLegacy(MappedFile map)
    {
        if (map.Length > 262 && map.Bytes(257, 5).SequenceEqual("ustar"u8))
            throw new InputException($"{map.Path} is in the tar format of PyTorch before 0.1.10. Save it again with a newer " +
                "PyTorch.");
        var reader = new PickleReader(map, 0, map.Length, "the file");
        if (reader.Read() is not PickleInteger magic || !magic.Bytes.AsSpan().SequenceEqual(LegacyMagic))
            throw new InputException($"{map.Path} is not a file of torch.save: it begins neither as a zip file nor with its " +
                "magic number.");
        if (reader.Read() is not 1001L)
            throw new InputException($"{map.Path}: the version of torch.save's older format is unknown; 1001 is supported.");
        if (reader.Read() is PickleDict system && system.Items.Any(i => i is { Key: "little_endian", Value: false }))
            throw new InputException($"{map.Path} was saved on a big-endian machine. Convert it to safetensors there.");
        var tensors = StateDict(map, reader.Read());
        if (reader.Read() is not PickleList keys) throw new InputException($"{map.Path}: the list of storages is missing.");

        var storages = new Dictionary<string, TorchStorage>();
        foreach (var (name, tensor) in tensors)
            if (!storages.TryAdd(tensor.Storage.Key, tensor.Storage) && storages[tensor.Storage.Key] != tensor.Storage)
                throw new InputException($"{map.Path}: {name} contradicts another tensor about storage {tensor.Storage.Key}.");
        var offsets = new Dictionary<string, long>();
        var at = reader.Position;
        foreach (var key in keys.Items)
        {
            if (key is not string text || !storages.TryGetValue(text, out var storage))
                throw new InputException($"{map.Path}: storage {key} belongs to no tensor of the state dict; save the state " +
                    "dict alone.");
            var needed = (Int128)storage.Count * TensorLayout.ItemSize(storage.DType) + sizeof(long);
            if (needed > map.Length - at)
                throw new InputException($"{map.Path}: the file is truncated: {needed - (map.Length - at)} bytes of storage " +
                    $"{text} are missing. Copy or download it again.");
            if (BinaryPrimitives.ReadInt64LittleEndian(map.Bytes(at, sizeof(long))) != storage.Count)
                throw new InputException($"{map.Path}: storage {text} does not have the length of its tensors.");
            offsets[text] = at + sizeof(long);
            at += (long)needed;
        }
        foreach (var (name, tensor) in tensors)
            if (!offsets.ContainsKey(tensor.Storage.Key))
                throw new InputException($"{map.Path}: the data of {name} are missing.");
        return new TorchPickleFile(map, tensors, offsets);
    }

    private static Dictionary<string, TorchTensor> StateDict(MappedFile map, object? root)
    {
        if (root is not PickleDict dict)
            throw new InputException($"{map.Path} contains no state dict. Save the model's state_dict().");
        if (!dict.Items.Any(i => i.Value is TorchTensor))
            dict = Wrappers.Select(w => dict.Items.LastOrDefault(i => i.Key is string key && key == w).Value)
                .OfType<PickleDict>()
                .FirstOrDefault(d => d.Items.Any(i => i.Value is TorchTensor))
                ?? throw new InputException($"{map.Path} contains no tensors, neither at the top nor under " +
                    $"{string.Join(", ", Wrappers)}.");
        var tensors = new Dictionary<string, TorchTensor>();
        foreach (var (key, value) in dict.Items)
        {
            if (value is not TorchTensor tensor) continue;
            if (key is not string name) throw new InputException($"{map.Path}: a tensor's name is not a string.");
            CheckBounds(map, name, tensor);
            tensors[name] = tensor;
        }
        return tensors;
    }

    private static void CheckBounds(MappedFile map, string name, TorchTensor tensor)
    {
        var (storage, offset, shape, strides) = (tensor.Storage, tensor.Offset, tensor.Shape, tensor.Strides);
        if (shape.Length != strides.Length || offset < 0 || strides.Any(s => s < 0)
            || TensorLayout.ByteCount(storage.DType, shape) is not { } bytes)
            throw new InputException($"{map.Path}: {name} has an impossible layout: shape [{string.Join(", ", shape)}], " +
                $"strides [{string.Join(", ", strides)}], offset {offset}.");
        if (bytes > 0 && offset + Span(tensor) > storage.Count)
            throw new InputException($"{map.Path}: {name} reaches to element {offset + Span(tensor)} of its storage, " +
                $"which has {storage.Count}. The file is damaged.");
    }

    /// <summary>Elements from the first to the last one used, of a tensor that is not empty.</summary>
    private static Int128 Span(TorchTensor tensor)
    {
        Int128 span = 1;
        for (var i = 0; i < tensor.Shape.Length; i++) span += (Int128)(tensor.Shape[i] - 1) * tensor.Strides[i];
        return span;
    }

    private static bool IsContiguous(TorchTensor tensor)
    {
        long expected = 1;
        for (var i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] != 1 && tensor.Strides[i] != expected) return false;
            expected *= tensor.Shape[i];
        }
        return true;
    }
}
