using System.Globalization;
using System.Text.RegularExpressions;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Every tensor of a checkpoint is used by the model, is known to have no effect, or is an error: a tensor that is silently
/// left out would make another model than the file's.
/// </summary>
internal static partial class UnusedTensors
{
    private const int Shown = 4;

    // Buffers that are computed from the configuration, and value heads of reinforcement learning: endings of names.
    private static readonly string[] Harmless =
    [
        "rotary_emb.inv_freq", "rotary_pos_emb.inv_freq", "rope.inv_freq", "rope.freqs", "original_inv_freq", "cos_cached",
        "sin_cached", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias", ".attn.attention.bias",
        ".attn.attention.masked_bias", ".self_attn.masked_bias", "masked_bias", "causal_mask", "future_mask", "alibi_mask",
        "alibi", "position_ids", "embed_positions._float_tensor", "attn.embed_positions", "logn_tensor", ".scale_attn",
        "num_batches_tracked", "decoder.version", "v_head.summary.weight", "v_head.summary.bias",
    ];

    // Towers of models that also read pictures or sound: text does not pass through them.
    private static readonly string[] Towers =
    [
        "vision_tower.", "vision_model.", "visual.", "vision_encoder.", "multi_modal_projector.", "mm_projector.", "vision_embed",
        "audio_tower.", "audio_encoder.", "image_newline", "embed_vision.", "embed_audio.",
    ];

    // Layers that predict further tokens (multi-token prediction) for speculative decoding: Qwen3-Next and Qwen3.5, MiMo, ERNIE
    // 4.5. DeepSeek-V3 and GLM-4.5 number them after the model's layers; their config.json says how many.
    private static readonly string[] FurtherTokens =
        ["mtp.", "mtp_layers.", "mtp_block.", "mtp_emb_norm.", "mtp_hidden_norm.", "mtp_linear_proj."];

    private static readonly string[] AdapterMarks =
        [".lora_", "base_layer.", ".ia3_", ".hada_", ".lokr_", ".oft_", "modules_to_save.", ".adapter_", "prompt_encoder."];

    private static readonly string[] CodeMarks =
    [
        "weight_scale", "input_scale", "scale_inv", "weight_zero_point", "weight_packed", "weight_shape", ".qweight", ".qzeros",
        ".scales", ".g_idx", ".absmax", ".quant_map", ".quant_state", ".SCB", "_format", ".k_scale", ".v_scale", ".qscale_act",
        ".qscale_weight", "_blocks", "_scales",
    ];

    /// <summary>Whether a tensor has no effect on the model's output: a buffer that every reader computes itself.</summary>
    public static bool IsHarmless(string name) => Harmless.Any(end => name.EndsWith(end, StringComparison.Ordinal));

    /// <summary>Whether a tensor has no effect on the text model of a checkpoint that was not refused.</summary>
    /// <param name="name">The name of the tensor.</param>
    /// <param name="layers">The number of the model's layers.</param>
    public static bool IsLeftOut(string name, int layers) =>
        IsHarmless(name) || IsPartOf(name, Towers) || IsPartOf(name, FurtherTokens) || Layer(name) >= layers;

    /// <summary>Refuses a checkpoint with tensors that the model does not use.</summary>
    /// <param name="builder">The builder of the complete model.</param>
    /// <param name="config">Its configuration.</param>
    /// <returns>Notes on tensors that were left out because the text model does not need them.</returns>
    /// <exception cref="InputException">A tensor is neither used nor known to have no effect.</exception>
    public static IReadOnlyList<string> Refuse(ModelBuilder builder, ModelConfig config)
    {
        var names = builder.Source.Names.ToHashSet();
        var used = builder.Used.Select(name => WeightNames.Stored(name, names.Contains)).ToHashSet();
        used.UnionWith(used.Where(weight => BitsAndBytesFormat.IsQuantized(weight, names.Contains))
            .SelectMany(BitsAndBytesFormat.PartNames).ToList());
        List<string> left = [.. names.Where(name => !used.Contains(name) && !IsHarmless(name)).Order(StringComparer.Ordinal)];
        var towers = left.RemoveAll(name => IsPartOf(name, Towers));
        var (layers, further) = (builder.Used.Max(Layer) + 1, config.Int("num_nextn_predict_layers", 0, least: 0));
        var predicting = left.RemoveAll(name => IsPartOf(name, FurtherTokens)
            || (Layer(name) is { } layer && layer >= layers && layer < layers + further));
        if (left.Count > 0)
            throw new InputException($"{builder.Source.Origin} has {left.Count} tensor{(left.Count == 1 ? "" : "s")} that a " +
                $"model of this config.json does not use: "
                    + $"{string.Join(", ", left.Take(Shown))}{(left.Count > Shown ? ", .." : "")}. " +
                Reason(left[0], builder));
        var notes = new List<string>();
        if (towers > 0) notes.Add($"{builder.Source.Origin} also has {towers} tensors for pictures or sound; only the text "
            + "model is used.");
        if (predicting > 0)
            notes.Add($"{builder.Source.Origin} also has {predicting} tensor{(predicting == 1 ? "" : "s")} of multi-token "
                + "prediction, which only speeds decoding up elsewhere; they are not used.");
        return notes;
    }

    private static bool IsPartOf(string name, string[] parts) => parts.Any(part =>
        name.StartsWith(part, StringComparison.Ordinal) || name.Contains("." + part, StringComparison.Ordinal));

    private static string Reason(string name, ModelBuilder builder)
    {
        if (AdapterMarks.Any(mark => name.Contains(mark, StringComparison.Ordinal)))
            return "They belong to an adapter: merge it with the tool that trained it, or save it as an adapter folder.";
        if (CodeMarks.Any(mark => name.EndsWith(mark, StringComparison.Ordinal)
            || name.Contains(mark + ".", StringComparison.Ordinal)))
            return "They are scales or codes of quantized weights, but config.json has no quantization_config that is " +
                "supported: use the full model, or a GGUF or bitsandbytes file.";
        if (Layer(name) is { } layer && builder.Used.Select(Layer).Max() is { } last && layer > last)
            return string.Create(CultureInfo.InvariantCulture, $"config.json has {last + 1} layers and the file more: correct ") +
                "num_hidden_layers (n_layer, num_layers), or remove the tensors of the further layers.";
        if (name.EndsWith(".bias", StringComparison.Ordinal))
            return "config.json omits this bias: set attention_bias, qkv_bias, mlp_bias or the family's other switch for it, " +
                "or correct model_type.";
        return "Correct model_type or the other fields of config.json, or remove the tensors if they have no effect.";
    }

    private static int? Layer(string name) => LayerIndex().Match(name) is { Success: true } match
        && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var layer) ? layer : null;

    [GeneratedRegex(@"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")]
    private static partial Regex LayerIndex();
}
