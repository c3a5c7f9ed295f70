using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// A safetensors file: 8 bytes little-endian length, a JSON header, then the tensors' bytes without gaps. Opening validates every
/// field of the header against the file size; reading copies nothing. Not thread-safe while being disposed.
/// <para>Source: the format description in the README of huggingface/safetensors.</para>
/// </summary>
public sealed class SafetensorsFile : ITensorFile
{
    private const int LengthBytes = 8;
    private const long LongestHeader = 100_000_000; // the reference library's bound
    private const int MostDimensions = 64; // libtorch's bound for most operations

    private readonly MappedFile _map;
    private readonly Dictionary<string, TensorEntry> _entries;
    private readonly Dictionary<string, long> _offsets; // from the start of the file
    private readonly Dictionary<string, ushort[]> _expansions; // of fp8 tensors

    private SafetensorsFile(MappedFile map, IReadOnlyDictionary<string, string> metadata,
        Dictionary<string, TensorEntry> entries, Dictionary<string, long> offsets, Dictionary<string, ushort[]> expansions) =>
        (this._map, Metadata, this._entries, this._offsets, this._expansions) = (map, metadata, entries, offsets, expansions);

    /// <inheritdoc/>
    public string Path => _map.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Entries => _entries;

    /// <summary>The header's free-form <c>__metadata__</c>; empty where absent.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="InputException">The file is absent or truncated, or its header is invalid; the message gives
    /// the position.</exception>
    public static SafetensorsFile Open(string path)
    {
        var map = MappedFile.Open(path);
        try
        {
            return new Header(map).Read();
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
        if (!_entries.TryGetValue(name, out var entry)) throw new InputException($"{Path} has no tensor {name}.");
        if (entry.Unsupported is { } type)
            throw new InputException($"{Path}: {name} has the element type {type}, which is not supported. " +
                "Convert the file to BF16, F16 or F32.");
        return _expansions.TryGetValue(name, out var expansion) ? Fp8.Expand(_map, _offsets[name], entry.Shape, expansion)
            : _map.Tensor(_offsets[name], entry.DType, entry.Shape);
    }

    /// <summary>Releases the file; tensors read from it stay valid.</summary>
    public void Dispose() => _map.Dispose();

    /// <summary>Reads and checks the header of one file.</summary>
    private sealed class Header(MappedFile map)
    {
        private readonly Dictionary<string, TensorEntry> _entries = [];
        private readonly Dictionary<string, long> _offsets = [];
        private readonly Dictionary<string, ushort[]> _expansions = [];
        private readonly Dictionary<string, string> _metadata = [];
        private readonly List<(long Start, long End, string Name)> _ranges = [];

        public SafetensorsFile Read()
        {
            NonHuggingFaceFile.Refuse(map);
            if (map.Length < LengthBytes)
                throw Bad($"a safetensors file begins with {LengthBytes} bytes of header length; this one has {map.Length} " +
                    "in all. Copy or download it again.");
            var length = BinaryPrimitives.ReadUInt64LittleEndian(map.Bytes(0, LengthBytes));
            if (length > LongestHeader)
                throw Bad($"its first 8 bytes give a header length of {length} bytes; at most {LongestHeader} are allowed. " +
                    "It is another kind of file, or damaged.");
            if ((long)length > map.Length - LengthBytes)
                throw Bad($"the header is {length} bytes long, but the file is truncated: " +
                    $"{(long)length - (map.Length - LengthBytes)} bytes of the header and all tensors are missing. Copy or " +
                    "download it again.");

            var json = map.Bytes(LengthBytes, (int)length);
            if (!Utf8.IsValid(json)) throw Bad("the header is not UTF-8. It is another kind of file, or damaged.");
            try
            {
                var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
                using var document = JsonDocument.Parse(json.ToArray(), options);
                if (document.RootElement.ValueKind != JsonValueKind.Object) throw Bad("the header is not a JSON object.");
                foreach (var property in document.RootElement.EnumerateObject())
                    ReadProperty(property, LengthBytes + (long)length);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half a surrogate pair
            {
                throw new InputException($"{map.Path}: the header is not valid JSON: {e.Message}", e);
            }
            CheckRanges(map.Length - LengthBytes - (long)length);
            return new SafetensorsFile(map, _metadata, _entries, _offsets, _expansions);
        }

        private void ReadProperty(JsonProperty property, long dataStart)
        {
            var (name, value) = (property.Name, property.Value);
            if (name == "__metadata__")
            {
                if (value.ValueKind == JsonValueKind.Null) return; // as some writers put it
                if (value.ValueKind != JsonValueKind.Object) throw Bad("__metadata__ is not a JSON object.");
                foreach (var item in value.EnumerateObject())
                    _metadata[item.Name] = item.Value.ValueKind == JsonValueKind.String
                        ? item.Value.GetString()!
                        : throw Bad($"__metadata__ {item.Name} is not a string.");
                return;
            }
            if (value.ValueKind != JsonValueKind.Object) throw Bad($"the header's entry for {name} is not a JSON object.");
            var typeName = value.TryGetProperty("dtype", out var dtype) && dtype.ValueKind == JsonValueKind.String
                ? dtype.GetString()!
                : throw Bad($"{name} has no dtype.");
            var type = SafetensorsType.Find(typeName)
                ?? throw Bad($"{name} has the unknown dtype {typeName}; known are " +
                    $"{string.Join(' ', SafetensorsType.All.Select(t => t.Name))}.");
            var shape = Numbers(value, "shape", name);
            if (shape.Length > MostDimensions)
                throw Bad($"{name} has {shape.Length} dimensions; at most {MostDimensions} are supported.");
            var range = Numbers(value, "data_offsets", name);
            if (range.Length != 2 || range[0] > range[1])
                throw Bad($"{name} has data_offsets [{string.Join(", ", range)}]; two ascending numbers are needed.");

            var bits = TensorLayout.Extent(type.Bits, shape)
                ?? throw Bad($"{name} has the shape [{string.Join(", ", shape)}], which exceeds the maximum size of a file.");
            if (bits % 8 != 0 || bits / 8 != range[1] - range[0])
                throw Bad($"{name} is {typeName} [{string.Join(", ", shape)}], which takes {bits / 8.0} bytes, " +
                    $"but its data_offsets [{range[0]}, {range[1]}] span {range[1] - range[0]}.");
            _entries.Add(name, type.Expansion is { } expansion ? new TensorEntry(name, ScalarType.BFloat16, shape)
                : new TensorEntry(name, type.DType ?? ScalarType.Byte, shape, type.DType is null ? typeName : null));
            if (type.Expansion is not null) _expansions.Add(name, type.Expansion);
            _offsets.Add(name, dataStart + range[0]);
            _ranges.Add((range[0], range[1], name));
        }

        private long[] Numbers(JsonElement entry, string field, string name)
        {
            if (!entry.TryGetProperty(field, out var array) || array.ValueKind != JsonValueKind.Array)
                throw Bad($"{name} has no {field}.");
            var numbers = new long[array.GetArrayLength()];
            var i = 0;
            foreach (var item in array.EnumerateArray())
                numbers[i++] = item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) && number >= 0
                    ? number
                    : throw Bad($"{name}: {field} contains {item.GetRawText()}; sizes are whole numbers from 0.");
            return numbers;
        }

        // The format requires data without gaps or overlaps, so that no byte is read twice or hidden.
        private void CheckRanges(long available)
        {
            _ranges.Sort();
            long end = 0;
            var previous = "the start of the data";
            foreach (var range in _ranges)
            {
                if (range.Start < end) throw Bad($"{range.Name} begins at byte {range.Start} of the data, inside {previous}.");
                if (range.Start > end)
                    throw Bad($"{range.Start - end} bytes between {previous} and {range.Name} belong to no tensor.");
                if (range.End > available)
                {
                    var missing = _ranges[^1].End - available;
                    throw Bad($"the file is truncated: {missing} bytes are missing, starting inside {range.Name}. Copy or " +
                        "download it again.");
                }
                (end, previous) = (range.End, range.Name);
            }
            if (end < available) throw Bad($"{available - end} bytes after the last tensor belong to no tensor.");
        }

        private InputException Bad(string problem) => new($"{map.Path}: {problem}");
    }
}
