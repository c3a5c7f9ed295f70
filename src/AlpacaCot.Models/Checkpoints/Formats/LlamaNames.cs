using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>LLaMA's weight names in Hugging Face, GGUF and Meta checkpoints.</summary>
internal static class LlamaNames
{
    private static readonly (string HuggingFace, string Gguf, string Meta)[] Whole =
    [
        ("model.embed_tokens", "token_embd", "tok_embeddings"), ("model.norm", "output_norm", "norm"),
        ("lm_head", "output", "output"),
    ];

    private static readonly (string HuggingFace, string Gguf, string Meta)[] OfLayer =
    [
        ("input_layernorm", "attn_norm", "attention_norm"),
        ("self_attn.q_proj", "attn_q", "attention.wq"), ("self_attn.k_proj", "attn_k", "attention.wk"),
        ("self_attn.v_proj", "attn_v", "attention.wv"), ("self_attn.o_proj", "attn_output", "attention.wo"),
        ("self_attn.q_norm", "attn_q_norm", ""), ("self_attn.k_norm", "attn_k_norm", ""),
        ("post_attention_layernorm", "ffn_norm", "ffn_norm"),
        ("mlp.gate_proj", "ffn_gate", "feed_forward.w1"), ("mlp.down_proj", "ffn_down", "feed_forward.w2"),
        ("mlp.up_proj", "ffn_up", "feed_forward.w3"),
    ];

    /// <summary>Translates a Hugging Face name to GGUF; null for an unknown name.</summary>
    public static string? ToGguf(string name) => Translate(name, "model.layers.", n => n.HuggingFace, "blk.", n => n.Gguf);

    /// <summary>Translates a GGUF name to Hugging Face; null for an unknown name.</summary>
    public static string? FromGguf(string name) => Translate(name, "blk.", n => n.Gguf, "model.layers.", n => n.HuggingFace);

    /// <summary>Translates a Hugging Face name to Meta; null for an unknown name.</summary>
    public static string? ToMeta(string name) => Translate(name, "model.layers.", n => n.HuggingFace, "layers.", n => n.Meta);

    /// <summary>Translates a Meta name to Hugging Face; null for an unknown name.</summary>
    public static string? FromMeta(string name) => Translate(name, "layers.", n => n.Meta, "model.layers.", n => n.HuggingFace);

    /// <summary>
    /// Meta's checkpoints rotate adjacent pairs of dimensions, Hugging Face's rotate the two halves of a head: reorders the rows
    /// of each head of a query or key projection for adjacent pairs, from <c>(0, 1, 2, ..)</c> to <c>(0, d/2, 1, ..)</c>.
    /// </summary>
    public static Tensor ToNeighbours(Tensor halves, int heads) => Reorder(halves, heads, 2, -1);

    /// <summary>The inverse of <see cref="ToNeighbours"/>.</summary>
    public static Tensor ToHalves(Tensor neighbours, int heads) => Reorder(neighbours, heads, -1, 2);

    /// <summary>The heads whose rows <see cref="ToNeighbours"/> reorders in this weight; 0: none.</summary>
    public static int RotaryHeads(string name, int heads, int keyHeads) =>
        name.Contains(".self_attn.q_proj.", StringComparison.Ordinal) ? heads
        : name.Contains(".self_attn.k_proj.", StringComparison.Ordinal) ? keyHeads : 0;

    private static Tensor Reorder(Tensor weight, int heads, long first, long second)
    {
        using var scope = NewDisposeScope();
        long[] rest = weight.shape[1..];
        var half = weight.shape[0] / heads / 2;
        return weight.reshape([heads, first < 0 ? half : first, second < 0 ? half : second, .. rest]).transpose(1, 2)
            .reshape(weight.shape).MoveToOuterDisposeScope();
    }

    private static string? Translate(string name, string layers, Func<(string HuggingFace, string Gguf, string Meta),
        string> from,
        string otherLayers, Func<(string HuggingFace, string Gguf, string Meta), string> to)
    {
        var suffix = name.LastIndexOf('.');
        if (suffix < 0) return null;
        var (stem, kind, table, prefix) = (name[..suffix], name[suffix..], Whole, "");
        if (name.StartsWith(layers, StringComparison.Ordinal))
        {
            var dot = name.IndexOf('.', layers.Length);
            if (dot < 0 || dot > suffix || !int.TryParse(name[layers.Length..dot], out var layer)) return null;
            (stem, table, prefix) = (dot == suffix ? "" : name[(dot + 1)..suffix], OfLayer, $"{otherLayers}{layer}.");
        }
        var found = table.FirstOrDefault(n => from(n) == stem && stem.Length > 0);
        return found == default || to(found).Length == 0 ? null : prefix + to(found) + kind;
    }
}
