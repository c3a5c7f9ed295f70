using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Export;

/// <summary>Writes Meta's format of a LLaMA: <c>consolidated.00.pth</c>, <c>params.json</c> and the tokenizer.</summary>
internal static class MetaWriter
{
    /// <exception cref="InputException">The format cannot represent the model, or the target exists.</exception>
    public static IReadOnlyList<string> Write(string path, JsonObject config, IReadOnlyList<ExportTensor> weights,
        IEnumerable<CompanionFile> companions, Action<string> verify)
    {
        if (config["model_type"]?.ToString() is var type and not "llama")
            throw new InputException(
                $"state-dict is Meta's format of LLaMA; model_type is '{type}'. --format hf supports every family.");
        var heads = config["num_attention_heads"]!.GetValue<int>();
        var keyHeads = config["num_key_value_heads"]?.GetValue<int>() ?? heads;
        List<ExportTensor> renamed = [.. weights.Select(w => Translated(w, heads, keyHeads))];
        // Meta's models store the head separately, never tied to the embedding.
        if (renamed.All(w => w.Name != "output.weight"))
            renamed.Add(renamed.First(w => w.Name == "tok_embeddings.weight") with { Name = "output.weight" });
        var parameters = HuggingFaceFolder.Indented(Parameters(config, weights, heads, keyHeads));
        CompanionFile[] files =
        [
            .. companions, CompanionFile.Of(MetaNames.Parameters, parameters),
        ];
        return HuggingFaceFolder.Write(path, renamed.Sum(weight => weight.ByteCount), files, folder =>
            TorchPickleWriter.Write(Path.Combine(folder, MetaNames.Shard(0)), renamed), verify);
    }

    private static ExportTensor Translated(ExportTensor weight, int heads, int keyHeads)
    {
        var name = LlamaNames.ToMeta(weight.Name)
            ?? throw new InputException($"{weight.Name} has no counterpart in Meta's format; --format hf supports it.");
        if (name.EndsWith(".bias", StringComparison.Ordinal))
            throw new InputException($"{weight.Name}: Meta's format has no biases; --format hf supports them.");
        return Reordered(weight, name, heads, keyHeads);
    }

    /// <summary>The weight under another name, with the rows of queries and keys reordered for rotary pairs of adjacent
    /// dimensions.</summary>
    internal static ExportTensor Reordered(ExportTensor weight, string name, int heads, int keyHeads) =>
        LlamaNames.RotaryHeads(weight.Name, heads, keyHeads) is not (> 0 and var rotaryHeads) ? weight with { Name = name }
        : weight with
        {
            Name = name,
            Read = () =>
            {
                using var read = weight.Read();
                return LlamaNames.ToNeighbours(read, rotaryHeads);
            },
        };

    private static JsonObject Parameters(JsonObject config, IReadOnlyList<ExportTensor> weights, int heads, int keyHeads)
    {
        int Size(string name) => config[name]!.GetValue<int>();
        var (dim, inner) = (Size("hidden_size"), Size("intermediate_size"));
        if (config["head_dim"] is { } width && width.GetValue<int>() * heads != dim)
            throw new InputException(
                $"Meta's format requires heads of width {dim / heads}; found {width}. --format hf supports them.");
        var (multiple, multiplier) = Inner(dim, inner);
        var parameters = new JsonObject
        {
            ["dim"] = dim, ["n_layers"] = Size("num_hidden_layers"), ["n_heads"] = heads, ["n_kv_heads"] = keyHeads,
            ["vocab_size"] = weights.First(w => w.Name.EndsWith("embed_tokens.weight", StringComparison.Ordinal)).Shape[0],
            ["multiple_of"] = multiple, ["norm_eps"] = config["rms_norm_eps"]?.GetValue<double>() ?? 1e-6,
            ["max_seq_len"] = config["max_position_embeddings"]?.GetValue<int>() ?? 2048,
        };
        if (multiplier is { } factor) parameters["ffn_dim_multiplier"] = factor;
        var rope = (config["rope_parameters"] ?? config["rope_scaling"]) as JsonObject;
        parameters["rope_theta"] = (config["rope_theta"] ?? rope?["rope_theta"])?.GetValue<double>() ?? 10000;
        var kind = (rope?["rope_type"] ?? rope?["type"])?.ToString() ?? "default";
        if (kind == "llama3" && rope!["original_max_position_embeddings"]!.GetValue<int>() == 8192
            && (rope["low_freq_factor"]?.GetValue<double>() ?? 1) == 1)
        {
            parameters["use_scaled_rope"] = true;
            parameters["rope_scaling_factor"] = rope["factor"]!.GetValue<double>();
            parameters["rope_high_freq_factor"] = rope["high_freq_factor"]?.GetValue<double>() ?? 4;
        }
        else if (kind != "default")
            throw new InputException($"The rope scaling '{kind}' is not supported by Meta's format; --format hf supports it.");
        return parameters;
    }

    // Meta computes the inner width: two thirds of 4 dim, times a factor, rounded up to a multiple.
    private static (int Multiple, double? Factor) Inner(int dim, int inner)
    {
        var plain = 8 * dim / 3;
        for (var multiple = 4096; multiple >= 1; multiple /= 2)
            if ((plain + multiple - 1) / multiple * multiple == inner) return (multiple, null);
        return (1, (inner + 0.5) / plain);
    }
}
