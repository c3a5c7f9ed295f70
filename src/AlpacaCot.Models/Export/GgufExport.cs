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

/// <summary>Writes a model of LLaMA's parts as GGUF: names, order of rows, settings and tokenizer as llama.cpp wants
/// them.</summary>
internal static class GgufExport
{
    private static readonly Dictionary<GgufType, int> FileTypes = new()
    {
        [GgufType.F32] = 0, [GgufType.F16] = 1, [GgufType.Q4] = 2, [GgufType.Q8] = 7, [GgufType.BF16] = 32,
    };

    /// <summary>Writes beside the place, lets <paramref name="verify"/> look, and moves the file there.</summary>
    /// <exception cref="InputException">The model is none that this form can express.</exception>
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
            ?? throw new InputException($"{weight.Name} has no place in GGUF's {architecture.Name}; --format hf takes it.");
        var renamed = architecture.TurnsNeighbours ? MetaWriter.Reordered(weight, name, sizes.Heads, sizes.KeyValueHeads)
            : weight with { Name = name };
        return new GgufOutgoing(renamed, TypeOf(name, weight.Shape, type, isTied));
    }

    // Vectors stay fp32. The logits depend most on the head: with 4 bits it keeps 8. Rows that are no whole blocks stay fp16.
    private static GgufType TypeOf(string name, long[] shape, GgufType type, bool isTied)
    {
        if (shape.Length < 2) return GgufType.F32;
        var isHead = name == (isTied ? "token_embd.weight" : "output.weight");
        var wanted = type == GgufType.Q4 && isHead ? GgufType.Q8 : type;
        return shape[^1] % wanted.BlockElements == 0 ? wanted : GgufType.F16;
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
                $"The rotary positions of this model ('{scaling.Type}', a share of {rope.Share}) have no place in " +
                $"GGUF's {at}; --format hf takes them.");
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
