using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// Meta's own format of LLaMA: <c>params.json</c> and <c>consolidated.00.pth</c>, .01, .. with a slice of each matrix for every
/// rank of model parallelism. Source: <c>model.py</c> of Meta's llama repositories.
/// </summary>
internal sealed class MetaCheckpoint : INonHuggingFaceModel
{
    private const string Frequencies = "rope.freqs"; // a buffer of the first release

    private static readonly string[] Known =
    [
        "dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "multiple_of", "ffn_dim_multiplier", "norm_eps", "rope_theta",
        "use_scaled_rope", "rope_scaling_factor", "rope_high_freq_factor", "max_seq_len", "max_batch_size",
            "max_position_embeddings",
    ];

    private readonly List<TorchPickleFile> _shards = [];
    private readonly Dictionary<string, TensorEntry> _entries = [];
    private readonly Dictionary<string, (string Name, int? Axis)> _sources = [];
    private readonly JsonElement _parameters;
    private readonly int _heads, _keyHeads;

    private MetaCheckpoint(string path)
    {
        Path = path;
        var file = System.IO.Path.Combine(path, MetaNames.Parameters);
        _parameters = JsonObjectFile.Read(file);
        foreach (var field in _parameters.EnumerateObject())
            if (!Known.Contains(field.Name))
                throw new InputException($"{file}: '{field.Name}' is unknown; it may change the model's computation.");
        (_heads, _keyHeads) = (Int("n_heads"), Int("n_kv_heads", Int("n_heads")));
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public JsonElement Config { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Entries => _entries;

    /// <summary>Whether a folder has this format and no <c>config.json</c>.</summary>
    public static bool Looks(string path) => File.Exists(System.IO.Path.Combine(path, MetaNames.Parameters))
        && File.Exists(System.IO.Path.Combine(path, MetaNames.Shard(0))) && !File.Exists(System.IO.Path.Combine(path,
            "config.json"));

    /// <summary>Opens a folder and checks that its slices fit together.</summary>
    /// <exception cref="InputException">A file is missing or damaged, or the sizes are inconsistent.</exception>
    public static MetaCheckpoint Open(string path)
    {
        var checkpoint = new MetaCheckpoint(path);
        try
        {
            checkpoint.OpenShards();
            checkpoint.Config = checkpoint.Configuration();
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        if (!_sources.TryGetValue(name, out var source)) throw new InputException($"{Path} has no tensor {name}.");
        using var scope = NewDisposeScope();
        var whole = source.Axis is { } axis && _shards.Count > 1
            ? cat([.. _shards.Select(s => s.Read(source.Name))], axis) : _shards[0].Read(source.Name);
        if (LlamaNames.RotaryHeads(name, _heads, _keyHeads) is > 0 and var rotaryHeads)
            whole = LlamaNames.ToHalves(whole, rotaryHeads);
        return whole.MoveToOuterDisposeScope();
    }

    /// <summary>Releases the files; tensors read from them stay valid.</summary>
    public void Dispose()
    {
        foreach (var shard in _shards) shard.Dispose();
    }

    private void OpenShards()
    {
        var count = Directory.GetFiles(Path, "consolidated.*.pth").Length;
        for (var i = 0; i < count; i++)
        {
            var file = System.IO.Path.Combine(Path, MetaNames.Shard(i));
            if (!File.Exists(file))
                throw new InputException(
                    $"{Path}: the shard {MetaNames.Shard(i)} is missing; there are {count} in all. Copy or download it.");
            _shards.Add(TorchPickleFile.Open(file));
        }
        var dim = Int("dim");
        foreach (var entry in _shards[0].Entries.Values)
        {
            if (entry.Name == Frequencies) continue;
            var name = LlamaNames.FromMeta(entry.Name)
                ?? throw new InputException($"{Path} has a tensor {entry.Name}, which is unknown for LLaMA.");
            var missing = _shards.FindIndex(s => !s.Entries.TryGetValue(entry.Name, out var other)
                || !other.Shape.SequenceEqual(entry.Shape) || other.DType != entry.DType);
            if (missing >= 0)
                throw new InputException(
                    $"{_shards[missing].Path} has no {entry.Name} of the type and shape [{string.Join(", ", entry.Shape)}] " +
                    $"found in {MetaNames.Shard(0)}.");
            var axis = Axis(entry, dim);
            var shape = entry.Shape.ToArray();
            if (axis is { } a) shape[a] *= _shards.Count;
            _entries.Add(name, new TensorEntry(name, entry.DType, shape));
            _sources.Add(name, (entry.Name, axis));
        }
    }

    // Matrices are sliced by rows where the layer's outputs are distributed, by columns where its inputs are; the embedding by
    // columns before LLaMA 3, then by rows.
    private static int? Axis(TensorEntry entry, int dim)
    {
        if (entry.Shape.Length < 2) return null;
        if (entry.Name.EndsWith(".wo.weight", StringComparison.Ordinal) || entry.Name.EndsWith(".w2.weight",
            StringComparison.Ordinal)) return 1;
        return entry.Name.StartsWith("tok_embeddings.", StringComparison.Ordinal) && entry.Shape[1] != dim ? 1 : 0;
    }

    private JsonElement Configuration()
    {
        var embedding = Entry("model.embed_tokens.weight");
        var theta = Number("rope_theta", 10000);
        var isScaled = _parameters.TryGetProperty("use_scaled_rope", out var scaled) && scaled.ValueKind == JsonValueKind.True;
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"), ["model_type"] = "llama", ["vocab_size"] = embedding.Shape[0],
            ["hidden_size"] = Int("dim"), ["intermediate_size"] = Entry("model.layers.0.mlp.gate_proj.weight").Shape[0],
            ["num_hidden_layers"] = Int("n_layers"), ["num_attention_heads"] = _heads, ["num_key_value_heads"] = _keyHeads,
            ["hidden_act"] = "silu",
            // Absent from the file: the context lengths of the releases with these rotary bases.
            ["max_position_embeddings"] = Int("max_position_embeddings", Int("max_seq_len", isScaled ? 131072 : theta >= 500000
                ? 8192 : 4096)),
            ["rms_norm_eps"] = Number("norm_eps", 1e-5), ["rope_theta"] = theta,
            ["tie_word_embeddings"] = !_entries.ContainsKey("lm_head.weight"),
            ["torch_dtype"] = embedding.DType switch
            {
                ScalarType.Float16 => "float16", ScalarType.BFloat16 => "bfloat16", _ => "float32",
            },
        };
        if (isScaled)
            config["rope_scaling"] = new JsonObject
            {
                ["rope_type"] = "llama3", ["factor"] = Number("rope_scaling_factor", 8), ["low_freq_factor"] = 1.0,
                ["high_freq_factor"] = Number("rope_high_freq_factor", 4), ["original_max_position_embeddings"] = 8192,
            };
        return JsonSerializer.SerializeToElement(config);
    }

    private TensorEntry Entry(string name) => _entries.GetValueOrDefault(name)
        ?? throw new InputException($"{Path} has no {LlamaNames.ToMeta(name)}.");

    private int Int(string name, int? otherwise = null) => !Has(name) && otherwise is { } value ? value
        : Has(name) && _parameters.GetProperty(name).TryGetInt32(out var found) && found > 0 ? found
        : throw new InputException(
            $"{System.IO.Path.Combine(Path, MetaNames.Parameters)}: '{name}' is missing or not a whole number from 1.");

    private double Number(string name, double otherwise) => Has(name) ? _parameters.GetProperty(name).GetDouble() : otherwise;

    private bool Has(string name) => _parameters.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number;
}

/// <summary>The file names of Meta's format.</summary>
internal static class MetaNames
{
    public const string Parameters = "params.json";

    public static string Shard(int index) => $"consolidated.{index:00}.pth";
}
