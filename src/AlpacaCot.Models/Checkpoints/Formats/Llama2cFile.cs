using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// A model of llama2.c in fp32: seven sizes, then the tensors, grouped by kind over all layers. Version 0 has no magic number and
/// stores tables , which are skipped; version 1 begins with <c>ak42</c>. Source: <c>export.py</c> and <c>run.c</c> of llama2.c.
/// </summary>
internal sealed class Llama2cFile : INonHuggingFaceModel
{
    private const uint Magic = 0x616b3432;
    private const int HeaderV0 = 28, HeaderV1 = 256, Sizes = 7;

    private readonly MappedFile _map;
    private readonly Dictionary<string, TensorEntry> _entries = [];
    private readonly Dictionary<string, long> _offsets = [];
    private readonly int _dim, _inner, _layers, _heads, _keyHeads, _vocabulary, _length;

    private Llama2cFile(MappedFile map)
    {
        this._map = map;
        var marked = HasMagic(map);
        var version = marked ? (int)Number(map, 4) : 0;
        if (version > 1)
            throw new InputException(
                $"{map.Path} is in version {version} of llama2.c's format (quantized), " +
                    "which is not supported; export it as version 0 or 1.");
        var at = marked ? 8 : 0;
        var sizes = Enumerable.Range(0, Sizes).Select(i => (int)Number(map, at + 4 * i)).ToArray();
        (_dim, _inner, _layers, _heads, _keyHeads, _vocabulary, _length) =
            (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], Math.Abs(sizes[5]), sizes[6]);
        var isShared = marked ? map.Bytes(8 + 4 * Sizes, 1)[0] != 0 : sizes[5] > 0;
        IndexTensors(marked, isShared);
        Config = JsonSerializer.SerializeToElement(new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"), ["model_type"] = "llama", ["vocab_size"] = _vocabulary,
            ["hidden_size"] = _dim, ["intermediate_size"] = _inner, ["num_hidden_layers"] = _layers,
                ["num_attention_heads"] = _heads,
            ["num_key_value_heads"] = _keyHeads, ["hidden_act"] = "silu", ["max_position_embeddings"] = _length,
            ["rms_norm_eps"] = 1e-5, ["rope_theta"] = 10000.0, ["tie_word_embeddings"] = isShared, ["bos_token_id"] = 1,
            ["eos_token_id"] = 2, ["torch_dtype"] = "float32",
        });
    }

    /// <inheritdoc/>
    public string Path => _map.Path;

    /// <inheritdoc/>
    public JsonElement Config { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Entries => _entries;

    /// <summary>Whether a file has this format: by its magic number, or because seven plausible sizes give exactly its
    /// length.</summary>
    public static bool Looks(string path)
    {
        using var map = MappedFile.Open(path);
        if (map.Length < HeaderV1) return false;
        if (HasMagic(map)) return true;
        var n = Enumerable.Range(0, Sizes).Select(i => (int)Number(map, 4 * i)).ToArray();
        if (n.Any(v => v is > 1 << 20 or < -(1 << 20) or 0) || n[..5].Any(v => v < 0) || n[6] < 0) return false;
        return n[0] % n[3] == 0 && n[3] % n[4] == 0 && Need(n, marked: false) == map.Length;
    }

    /// <summary>Opens a file and checks its length.</summary>
    /// <exception cref="InputException">The file is truncated, or its version is not supported.</exception>
    public static Llama2cFile Open(string path)
    {
        var map = MappedFile.Open(path);
        try
        {
            return new Llama2cFile(map);
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
        var stored = _map.Tensor(_offsets[name], entry.DType, entry.Shape);
        if (LlamaNames.RotaryHeads(name, _heads, _keyHeads) is not (> 0 and var rotaryHeads)) return stored;
        using (stored) return LlamaNames.ToHalves(stored, rotaryHeads);
    }

    /// <summary>Releases the file; tensors read from it stay valid.</summary>
    public void Dispose() => _map.Dispose();

    private static bool HasMagic(MappedFile map) => map.Length >= HeaderV1 && Number(map, 0) == Magic;

    private static uint Number(MappedFile map, long at) => BinaryPrimitives.ReadUInt32LittleEndian(map.Bytes(at, 4));

    private static Int128 Need(int[] n, bool marked)
    {
        Int128 dim = n[0], inner = n[1], layers = n[2], keys = dim / n[3] * n[4], vocabulary = Math.Abs(n[5]);
        var elements = vocabulary * dim * (n[5] > 0 ? 1 : 2) + dim
            + layers * (2 * dim + 2 * dim * dim + 2 * dim * keys + 3 * dim * inner)
            + (marked ? 0 : (Int128)n[6] * (dim / n[3])); // two tables of half a head's width
        return elements * 4 + (marked ? HeaderV1 : HeaderV0);
    }

    private void IndexTensors(bool marked, bool isShared)
    {
        if (new[] { _dim, _inner, _layers, _heads, _keyHeads, _vocabulary, _length }.Any(v => v is < 1 or > 1 << 24)
            || _dim % _heads != 0 || _heads % _keyHeads != 0)
            throw new InputException($"{_map.Path}: its header contains invalid model sizes.");
        var needed = Need([_dim, _inner, _layers, _heads, _keyHeads, isShared ? _vocabulary : -_vocabulary, _length], marked);
        if (needed > _map.Length)
            throw new InputException($"{_map.Path} needs {needed} bytes for the sizes in its header, " +
                $"but has {_map.Length}. Copy or " +
                "download it again.");
        long at = marked ? HeaderV1 : HeaderV0;
        long keys = (long)_dim / _heads * _keyHeads;
        if (!marked) Whole("model.embed_tokens", _vocabulary, _dim);
        Each("input_layernorm", _dim);
        if (marked)
        {
            Each("post_attention_layernorm", _dim);
            Whole("model.norm", _dim);
            Whole("model.embed_tokens", _vocabulary, _dim);
        }
        Each("self_attn.q_proj", _dim, _dim);
        Each("self_attn.k_proj", keys, _dim);
        Each("self_attn.v_proj", keys, _dim);
        Each("self_attn.o_proj", _dim, _dim);
        if (!marked) Each("post_attention_layernorm", _dim);
        Each("mlp.gate_proj", _inner, _dim);
        Each("mlp.down_proj", _dim, _inner);
        Each("mlp.up_proj", _inner, _dim);
        if (!marked)
        {
            Whole("model.norm", _dim);
            at += (long)_length * (_dim / _heads) * sizeof(float);
        }
        if (!isShared) Whole("lm_head", _vocabulary, _dim);

        void Each(string part, params long[] shape)
        {
            for (var i = 0; i < _layers; i++) Whole($"model.layers.{i}.{part}", shape);
        }

        void Whole(string name, params long[] shape)
        {
            _entries.Add(name + ".weight", new TensorEntry(name + ".weight", ScalarType.Float32, shape));
            _offsets.Add(name + ".weight", at);
            at += shape.Aggregate(1L, (a, b) => a * b) * sizeof(float);
        }
    }
}
