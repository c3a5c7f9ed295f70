using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>Writes a LLaMA-like model as GGUF, with the names, row order, metadata and tokenizer of llama.cpp.
/// </summary>
internal static class GgufExport
{
    private static readonly Dictionary<GgufType, int> FileTypes = new()
    {
        [GgufType.F32] = 0, [GgufType.F16] = 1, [GgufType.Q4] = 2, [GgufType.Q8] = 7, [GgufType.BF16] = 32,
    };

    /// <summary>Writes a temporary file, checks it with <paramref name="verify"/>, and renames it to
    /// <paramref name="path"/>.</summary>
    /// <exception cref="InputException">The format cannot represent the model.</exception>
    public static void Write(string path, JsonObject config, IReadOnlyList<ExportTensor> weights, GgufTokenizer tokenizer,
        GgufType type, Action<string> verify)
    {
        var architecture = GgufArchitecture.ForModelType(config["model_type"]?.ToString());
        var settings = new ModelConfig(System.Text.Json.JsonSerializer.SerializeToElement(config));
        var (sizes, rope) = (settings.Sizes(), settings.Rope());
        var isTied = weights.All(w => w.Name != "lm_head.weight");
        List<GgufOutgoing> tensors =
            [.. weights.Select(w => Outgoing(w, architecture, sizes, type, isTied)).OrderBy(t => t.Weight.Name,
                StringComparer.Ordinal)];
        if (rope.Scaling.Type == "llama3") tensors.Insert(0, Divisors(sizes, rope));
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        DiskSpace.Require(folder, tensors.Sum(t => t.ByteCount));
        (string, object)[] header = [.. Settings(architecture, config, settings, sizes, rope, type), .. Tokens(tokenizer)];
        AtomicFile.Write(path, stream => GgufWriter.Write(stream, header, tensors), verify);
    }

    private static GgufOutgoing Outgoing(ExportTensor weight, GgufArchitecture architecture, DecoderSizes sizes, GgufType type,
        bool isTied)
    {
        var name = LlamaNames.ToGguf(weight.Name)
            ?? throw new InputException(
                $"{weight.Name} has no counterpart in GGUF's {architecture.Name}; --format hf supports it.");
        var renamed = architecture.RotatesPairs ? MetaWriter.Reordered(weight, name, sizes.Heads, sizes.KeyValueHeads)
            : weight with { Name = name };
        return new GgufOutgoing(renamed, TypeOf(name, weight.Shape, type, isTied));
    }

    // Vectors stay fp32. Logits are most sensitive to the head, which keeps 8 bits in 4-bit files. Rows that are not a multiple
    // of the block size stay fp16.
    private static GgufType TypeOf(string name, long[] shape, GgufType type, bool isTied)
    {
        if (shape.Length < 2) return GgufType.F32;
        var isHead = name == (isTied ? "token_embd.weight" : "output.weight");
        var preferred = type == GgufType.Q4 && isHead ? GgufType.Q8 : type;
        return shape[^1] % preferred.BlockElements == 0 ? preferred : GgufType.F16;
    }

    private static IEnumerable<(string, object)> Settings(GgufArchitecture architecture, JsonObject config, ModelConfig settings,
        DecoderSizes sizes, RopeSettings rope, GgufType type)
    {
        var at = architecture.Name;
        yield return ("general.architecture", at);
        yield return ("general.type", "model");
        yield return ("general.name", config["_name_or_path"]?.ToString() is { Length: > 0 } name ? name : at);
        yield return ("general.file_type", FileTypes[type]);
        yield return ("general.quantization_version", 2);
        yield return ($"{at}.vocab_size", sizes.Vocabulary);
        yield return ($"{at}.context_length", sizes.MaxPositions);
        yield return ($"{at}.embedding_length", sizes.Hidden);
        yield return ($"{at}.block_count", sizes.Layers);
        yield return ($"{at}.feed_forward_length", sizes.Inner);
        yield return ($"{at}.attention.head_count", sizes.Heads);
        yield return ($"{at}.attention.head_count_kv", sizes.KeyValueHeads);
        yield return ($"{at}.attention.layer_norm_rms_epsilon", (float)settings.Number("rms_norm_eps", 1e-6));
        yield return ($"{at}.attention.key_length", sizes.HeadDimension);
        yield return ($"{at}.attention.value_length", sizes.HeadDimension);
        yield return ($"{at}.rope.dimension_count", sizes.HeadDimension);
        yield return ($"{at}.rope.freq_base", (float)rope.Theta);
        var scaling = rope.Scaling;
        if (rope.Share != 1 || scaling.Type is not ("default" or "llama3" or "linear" or "yarn"))
            throw new InputException(
                $"The rotary embedding of this model ('{scaling.Type}', a share of {rope.Share}) is not supported by " +
                $"GGUF's {at}; --format hf supports it.");
        if (scaling.Type is not ("linear" or "yarn")) yield break;
        yield return ($"{at}.rope.scaling.type", scaling.Type);
        yield return ($"{at}.rope.scaling.factor", (float)scaling.Factor);
        yield return ($"{at}.rope.scaling.original_context_length", (int)scaling.OriginalLength);
    }

    private static IEnumerable<(string, object)> Tokens(GgufTokenizer tokenizer)
    {
        const string at = "tokenizer.ggml.";
        yield return (at + "model", tokenizer.Model);
        yield return (at + "pre", tokenizer.Pre);
        yield return (at + "tokens", tokenizer.Tokens);
        yield return (at + "token_type", tokenizer.Kinds);
        if (tokenizer.Model == GgufTokenizer.Pieces)
        {
            yield return (at + "scores", tokenizer.Scores);
            yield return (at + "add_space_prefix", tokenizer.AddsSpace);
        }
        else yield return (at + "merges", tokenizer.Merges);
        foreach (var (role, id) in new[]
        {
            ("bos", tokenizer.Bos), ("eos", tokenizer.Eos), ("unknown", tokenizer.Unknown), ("padding", tokenizer.Pad),
        })
            if (id is { } known) yield return ($"{at}{role}_token_id", known);
        yield return (at + "add_bos_token", tokenizer.AddsBos);
        yield return (at + "add_eos_token", tokenizer.AddsEos);
        if (tokenizer.ChatTemplate is { } template) yield return ("tokenizer.chat_template", template);
    }

    private static GgufOutgoing Divisors(DecoderSizes sizes, RopeSettings settings)
    {
        using var plain = new Rope(sizes.HeadDimension, settings.Theta, new RopeScaling());
        using var scaled = new Rope(sizes.HeadDimension, settings.Theta, settings.Scaling);
        float[] divisors = [.. plain.InverseFrequencies(1).Zip(scaled.InverseFrequencies(1), (bare, with) => bare / with)];
        return new GgufOutgoing(new ExportTensor(GgufArchitecture.FrequencyFactors, ScalarType.Float32, [divisors.Length],
            () => Tensors.Of(divisors, CPU)), GgufType.F32);
    }
}
