using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// LLaMA's components under the names of its checkpoints. Many later families reuse components and names in different
/// combinations.
/// </summary>
internal sealed class LlamaParts
{
    private readonly ModelConfig _config;
    private readonly ModelBuilder _builder;
    private readonly Embedding _embedding;

    /// <summary>Reads the sizes and creates the embedding.</summary>
    /// <param name="c">The configuration.</param>
    /// <param name="b">Creates the layers from the weight source.</param>
    /// <param name="rope">Rotary positions; null: those of the configuration.</param>
    public LlamaParts(ModelConfig c, ModelBuilder b, Rope? rope = null)
    {
        (_config, _builder, Sizes) = (c, b, c.Sizes());
        Rope = rope ?? b.Rope(c.Rope(), Sizes.HeadDimension);
        _embedding = b.Embedding("model.embed_tokens", Sizes.Vocabulary, Sizes.Hidden);
        NormOf = (name, width) => b.RmsNorm(name, width, c.Number("rms_norm_eps", 1e-6));
    }

    /// <summary>The sizes from the configuration.</summary>
    public DecoderSizes Sizes { get; init; }

    /// <summary>The rotary positions shared by all layers.</summary>
    public Rope Rope { get; }

    /// <summary>Creates a norm from a checkpoint name and a width; RMS norm by default.</summary>
    public Func<string, int, ILayer> NormOf { get; init; }

    /// <summary>The gated activation of the feed-forward; null: the configuration's <c>hidden_act</c>.</summary>
    public Func<Tensor, Tensor, Tensor>? Unit { get; init; }

    /// <summary>Whether the head is tied to the embedding if the configuration does not say.</summary>
    public bool Tied { get; init; }

    /// <summary>The factor on token embeddings.</summary>
    public double EmbeddingScale { get; init; } = 1;

    /// <summary>A function applied to the logits, or null.</summary>
    public Func<Tensor, Tensor>? Finish { get; init; }

    /// <summary>Creates a norm over the hidden width.</summary>
    public ILayer Norm(int layer, string name) => NormOf($"model.layers.{layer}.{name}", Sizes.Hidden);

    /// <summary>Creates attention with separate query, key and value projections and rotary positions.</summary>
    public SelfAttention Attention(int layer, bool bias = false, bool outputBias = false)
    {
        var at = $"model.layers.{layer}.self_attn";
        return Attention(layer, Projections.Separate(
            _builder.Linear($"{at}.q_proj", Sizes.Hidden, Sizes.QueryWidth, bias),
            _builder.Linear($"{at}.k_proj", Sizes.Hidden, Sizes.KeyWidth, bias),
            _builder.Linear($"{at}.v_proj", Sizes.Hidden, Sizes.KeyWidth, bias)), outputBias);
    }

    /// <summary>Creates attention with the given projection and rotary positions.</summary>
    public SelfAttention Attention(int layer, Projection projection, bool outputBias = false) =>
        new(layer, Sizes.Heads, Sizes.KeyValueHeads, Sizes.HeadDimension, projection,
            _builder.Linear($"model.layers.{layer}.self_attn.o_proj", Sizes.QueryWidth, Sizes.Hidden, outputBias))
            {
                Rope = Rope,
            };

    /// <summary>Adds norms over each head of queries and keys.</summary>
    public SelfAttention WithHeadNorms(SelfAttention attention)
    {
        var at = $"model.layers.{attention.Layer}.self_attn";
        var (query, key) = (NormOf($"{at}.q_norm", Sizes.HeadDimension), NormOf($"{at}.k_norm", Sizes.HeadDimension));
        return attention with { Norms = (Heads.Each(Sizes.Heads, query.Forward), Heads.Each(Sizes.KeyValueHeads, key.Forward)) };
    }

    /// <summary>Creates the gated feed-forward of a layer.</summary>
    public GatedFeedForward FeedForward(int layer, bool bias = false) =>
        FeedForward($"model.layers.{layer}.mlp", Sizes.Inner, bias);

    /// <summary>Creates a gated feed-forward with the given name and inner width.</summary>
    public GatedFeedForward FeedForward(string at, int inner, bool bias = false) => new(
        _builder.Linear($"{at}.gate_proj", Sizes.Hidden, inner, bias),
        _builder.Linear($"{at}.up_proj", Sizes.Hidden, inner, bias),
        Unit ?? Activations.GatedBy(_config.Text("hidden_act", "silu")),
        _builder.Linear($"{at}.down_proj", inner, Sizes.Hidden, bias));

    /// <summary>Creates the model from the family's blocks.</summary>
    public Decoder Model(string family, Func<int, IBlock> block) => new(_builder, Sizes.Shape(family))
    {
        EmbedWith = (input, pass) => EmbeddingScale == 1
            ? _embedding.Forward(input.Ids, pass) : _embedding.Forward(input.Ids, pass) * Number(EmbeddingScale),
        Blocks = Sizes.Each(block),
        Norm = NormOf("model.norm", Sizes.Hidden),
        Output = _builder.Head("lm_head", _embedding, Sizes.Hidden, Sizes.Vocabulary, _config.Flag("tie_word_embeddings", Tied)),
        Finish = Finish,
    };
}
