using AlpacaCot.Models.Families;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// Default targets of the methods: PEFT's defaults for the families it supports, and the layers of the same role in other
/// families. Roles are derived from module names, which follow a few naming styles.
/// </summary>
public static class FamilyTargets
{
    // Candidates in order of preference; one entry per naming style.
    private static readonly string[] FusedInputs = ["query_key_value", "qkv_proj", "W_pack", "wqkv", "c_attn"];

    private static readonly string[] AttentionOutputs =
        ["self_attn.o_proj", "self_attention.dense", "attention.dense", "self_attn.dense", "out_proj", "attn.c_proj",
            "attention.wo"];

    private static readonly string[] FeedForwardOutputs =
        ["down_proj", "dense_4h_to_h", "fc2", "fc_out", "mlp.c_proj", "feed_forward.w2", "w2"];

    /// <summary>
    /// Targets of LoRA and related methods: query and value projections, or the fused projection that contains them.
    /// </summary>
    public static Targets LowRank(CausalModel model) => model.Shape.Family == "phi"
        ? Targets.Of("q_proj", "v_proj", "fc1", "fc2")
        : Has(model, "q_proj") ? Targets.Of("q_proj", "v_proj") : Targets.Of(First(model, FusedInputs, "attention input"));

    /// <summary>
    /// Targets of IA3: key and value projections (or the fused projection) and the feed-forward's output projection.
    /// </summary>
    public static Targets Scaled(CausalModel model) => Targets.Of(
        [.. Has(model, "k_proj") ? ["k_proj", "v_proj"] : (string[])[First(model, FusedInputs, "attention input")],
            FeedForwardOutput(model)]);

    /// <summary>Targets of parallel bottleneck adapters: query, key and value projections, separate or fused.</summary>
    public static Targets AttentionInputs(CausalModel model) => Has(model, "q_proj")
        ? Targets.Of("q_proj", "k_proj", "v_proj") : Targets.Of(First(model, FusedInputs, "attention input"));

    /// <summary>Targets of Houlsby adapters: the output projections of attention and of the feed-forward.</summary>
    public static Targets SublayerOutputs(CausalModel model) =>
        Targets.Of(First(model, AttentionOutputs, "attention output"), FeedForwardOutput(model));

    /// <summary>The name suffix of the feed-forward's output projection.</summary>
    public static string FeedForwardOutput(CausalModel model) => First(model, FeedForwardOutputs, "feed-forward output");

    /// <summary>Whether a linear layer is the output projection of an attention or a feed-forward, by its name.</summary>
    public static bool IsSublayerOutput(string name) =>
        AttentionOutputs.Concat(FeedForwardOutputs).Any(end => Targets.Of(end).Names(name));

    private static string First(CausalModel model, string[] names, string role) => names.FirstOrDefault(name => Has(model, name))
        ?? throw new InputException(
            $"The layers that form the {role} of {model.Shape.Family} are unknown: set adapter.targets.");

    private static bool Has(CausalModel model, string name) =>
        Targets.Of(name) is var target && model.Linears.Keys.Any(n => target.Names(n));
}
