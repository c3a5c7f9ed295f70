using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Positions;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// A GGUF file presented as a Hugging Face checkpoint: names, shapes and the order of rows are Hugging Face's, blocks are
/// expanded to fp32. The architectures are those of <see cref="GgufArchitecture"/>; unknown metadata keys of the architecture are
/// rejected.
/// </summary>
internal sealed class GgufModel : INonHuggingFaceModel
{
    private readonly MappedFile _map;
    private readonly GgufHeader _header;
    private readonly GgufArchitecture _architecture;
    private readonly Dictionary<string, TensorEntry> _entries = [];
    private readonly Dictionary<string, GgufTensor> _tensors = [];
    private readonly int _heads, _keyHeads;

    private GgufModel(MappedFile map, GgufHeader header)
    {
        (this._map, this._header) = (map, header);
        _architecture = GgufArchitecture.Of(header);
        _heads = Size("attention.head_count");
        _keyHeads = header.Int(Key("attention.head_count_kv")) ?? _heads;
        foreach (var tensor in header.Tensors)
        {
            if (tensor.Name == GgufArchitecture.FrequencyFactors) continue;
            var name = LlamaNames.FromGguf(tensor.Name)
                ?? throw new InputException(
                    $"{header.Path} has a tensor {tensor.Name}, which is unknown for {_architecture.Name}.");
            var rotaryHeads = RotaryHeads(name);
            if (rotaryHeads > 0 && (tensor.Shape.Length == 0 || tensor.Shape[0] % (2 * rotaryHeads) != 0))
                throw new InputException(
                    $"{header.Path}: {tensor.Name} [{string.Join(", ", tensor.Shape)}] does not fit {rotaryHeads} heads.");
            _tensors.Add(name, tensor);
            _entries.Add(name, new TensorEntry(name, Plain(tensor.Type) ?? ScalarType.Float32, tensor.Shape));
        }
        Config = Configuration();
    }

    /// <inheritdoc/>
    public string Path => _map.Path;

    /// <inheritdoc/>
    public JsonElement Config { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Entries => _entries;

    /// <summary>Opens a file; only its header is read.</summary>
    /// <exception cref="InputException">The file is damaged, or its architecture is not supported.</exception>
    public static GgufModel Open(string path)
    {
        var header = GgufHeader.Read(path);
        var map = MappedFile.Open(path);
        try
        {
            return new GgufModel(map, header);
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
        var stored = Plain(tensor.Type) is { } plain ? _map.Tensor(tensor.Offset, plain, tensor.Shape) : Expanded(tensor);
        if (RotaryHeads(name) is not (> 0 and var rotaryHeads)) return stored;
        using (stored) return LlamaNames.ToHalves(stored, rotaryHeads);
    }

    /// <summary>Releases the file; tensors read from it stay valid.</summary>
    public void Dispose() => _map.Dispose();

    private int RotaryHeads(string name) => _architecture.RotatesPairs ? LlamaNames.RotaryHeads(name, _heads, _keyHeads) : 0;

    private static ScalarType? Plain(GgufType type) => type == GgufType.F32 ? ScalarType.Float32
        : type == GgufType.F16 ? ScalarType.Float16 : type == GgufType.BF16 ? ScalarType.BFloat16 : null;

    // A row is a whole number of blocks; rows are expanded in parallel.
    private unsafe Tensor Expanded(GgufTensor tensor)
    {
        var result = Tensors.Empty(tensor.Shape, ScalarType.Float32, CPU);
        if (result.numel() == 0) return result;
        var (width, type) = (tensor.Shape[^1], tensor.Type);
        var rowBytes = width / type.BlockElements * type.BlockBytes;
        var (source, values) = ((nint)(_map.Pointer + tensor.Offset), (nint)TensorMemory.Floats(result));
        Parallel.For(0, result.numel() / width, row => GgufBlocks.Expand(type,
            new ReadOnlySpan<byte>((byte*)source + row * rowBytes, (int)rowBytes),
            new Span<float>((float*)values + row * width, (int)width)));
        _map.Forget(tensor.Offset, tensor.Type.ByteCount(tensor.Shape)!.Value);
        return result;
    }

    private string Key(string name) => $"{_architecture.Name}.{name}";

    private int Size(string name) => _header.Int(Key(name)) is > 0 and var size ? size
        : throw new InputException($"{_header.Path} lacks a usable {Key(name)}.");

    private JsonElement Configuration()
    {
        foreach (var key in _header.Values.Keys)
            if (key.StartsWith(_architecture.Name + ".", StringComparison.Ordinal)
                && !GgufArchitecture.Settings.Contains(key[(_architecture.Name.Length + 1)..]))
                throw new InputException(
                    $"{_header.Path}: {key} is unknown for this architecture; it may change the model's " +
                    "computation.");
        var hidden = Size("embedding_length");
        var headWidth = _header.Int(Key("attention.key_length")) ?? hidden / _heads;
        if (_header.Int(Key("rope.dimension_count")) is { } rotaryDimensions && rotaryDimensions != headWidth)
            throw new InputException(
                $"{_header.Path}: rotary embedding of {rotaryDimensions} of {headWidth} dimensions of a head is not supported.");
        if ((_header.Int(Key("attention.value_length")) ?? headWidth) != headWidth)
            throw new InputException($"{_header.Path}: keys and values of different width are not supported.");
        var embedding = _entries.GetValueOrDefault("model.embed_tokens.weight")
            ?? throw new InputException($"{_header.Path} has no token_embd.weight.");
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(_architecture.ClassName), ["model_type"] = _architecture.ModelType,
            ["vocab_size"] = embedding.Shape[0], ["hidden_size"] = hidden, ["intermediate_size"] = Size("feed_forward_length"),
            ["num_hidden_layers"] = Size("block_count"), ["num_attention_heads"] = _heads, ["num_key_value_heads"] = _keyHeads,
            ["head_dim"] = headWidth, ["hidden_act"] = "silu", ["max_position_embeddings"] = Size("context_length"),
            ["rms_norm_eps"] = Rounded(_header.Number(Key("attention.layer_norm_rms_epsilon")) ?? 1e-6),
            ["rope_theta"] = _header.Number(Key("rope.freq_base")) ?? 10000,
            ["tie_word_embeddings"] = !_entries.ContainsKey("lm_head.weight"),
            ["torch_dtype"] = embedding.DType switch
            {
                ScalarType.Float16 => "float16", ScalarType.BFloat16 => "bfloat16", _ => "float32",
            },
        };
        if (_architecture.ModelType == "llama")
            config["attention_bias"] = _entries.ContainsKey("model.layers.0.self_attn.q_proj.bias");
        foreach (var (role, field) in new[] { ("bos", "bos_token_id"), ("eos", "eos_token_id"), ("padding", "pad_token_id") })
            if (_header.Values.GetValueOrDefault($"tokenizer.ggml.{role}_token_id") is long id && id >= 0
                && id < embedding.Shape[0])
                config[field] = id;
        if (Scaling(headWidth, config["rope_theta"]!.GetValue<double>()) is { } scaling) config["rope_scaling"] = scaling;
        return JsonSerializer.SerializeToElement(config);
    }

    // The file stores fp32; the shortest equal decimal is the original setting.
    private static double Rounded(double single) => double.Parse(((float)single).ToString("R",
        System.Globalization.CultureInfo.InvariantCulture),
        System.Globalization.CultureInfo.InvariantCulture);

    private JsonObject? Scaling(int headWidth, double theta)
    {
        var factors = _header.Tensors.FirstOrDefault(t => t.Name == GgufArchitecture.FrequencyFactors);
        if (factors is not null) return Llama3(factors, headWidth, theta);
        var type = _header.Text(Key("rope.scaling.type"));
        var factor = _header.Number(Key("rope.scaling.factor")) ?? _header.Number(Key("rope.scale_linear")) ?? 1;
        if (type is null && factor != 1) type = "linear";
        return type switch
        {
            null or "none" => null,
            "linear" => new JsonObject { ["rope_type"] = "linear", ["factor"] = factor },
            "yarn" => new JsonObject
            {
                ["rope_type"] = "yarn", ["factor"] = factor,
                ["original_max_position_embeddings"] = Size("rope.scaling.original_context_length"),
            },
            _ => throw new InputException($"{_header.Path}: the rope scaling '{type}' is not supported; linear and yarn are."),
        };
    }

    // GGUF stores only the divisors of the frequencies; the parameters of LLaMA 3's rule are recovered from them, or rejected.
    private JsonObject Llama3(GgufTensor tensor, int headWidth, double theta)
    {
        if (tensor.Type != GgufType.F32 || tensor.Shape is not [var count] || count != headWidth / 2)
            throw new InputException(
                $"{_header.Path}: {tensor.Name} is not one fp32 divisor for each of {headWidth / 2} frequencies.");
        using var stored = _map.Tensor(tensor.Offset, ScalarType.Float32, tensor.Shape);
        var divisors = stored.data<float>().ToArray();
        const double low = 1, high = 4; // the same in all published models
        double factor = divisors.Max();
        var bare = RopeFrequencies.Plain(headWidth, theta);
        foreach (var original in (long[])[8192, 4096, 2048, 16384, 32768, 131072])
        {
            var with = RopeFrequencies.Llama3([.. bare], factor, original, low, high);
            if (Enumerable.Range(0, divisors.Length).All(i => Math.Abs((float)bare[i] / (float)with[i] / divisors[i] - 1) < 1e-4))
                return new JsonObject
                {
                    ["rope_type"] = "llama3", ["factor"] = factor, ["low_freq_factor"] = low,
                    ["high_freq_factor"] = high, ["original_max_position_embeddings"] = original,
                };
        }
        throw new InputException($"{_header.Path}: {tensor.Name} follows no supported scaling rule.");
    }
}
