using AlpacaCot.Models.Families;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// Where methods are put when nobody says it: PEFT's defaults for the families it knows, and the layers of the same role in the
/// others. Roles are told from the names, which the families share in a few styles.
/// </summary>
public static class FamilyTargets
{
    // Each in the order of preference: what a style has in common is written once.
    private static readonly string[] FusedInputs = ["query_key_value", "qkv_proj", "W_pack", "wqkv", "c_attn"];

    private static readonly string[] AttentionOutputs =
        ["self_attn.o_proj", "self_attention.dense", "attention.dense", "self_attn.dense", "out_proj", "attn.c_proj",
            "attention.wo"];

    private static readonly string[] FeedForwardOutputs =
        ["down_proj", "dense_4h_to_h", "fc2", "fc_out", "mlp.c_proj", "feed_forward.w2", "w2"];

    /// <summary>Queries and values, or the matrix they are fused in: LoRA and its kin.</summary>
    public static Targets LowRank(CausalModel model) => model.Shape.Family == "phi"
        ? Targets.Of("q_proj", "v_proj", "fc1", "fc2")
        : Has(model, "q_proj") ? Targets.Of("q_proj", "v_proj") : Targets.Of(First(model, FusedInputs, "attention input"));

    /// <summary>Keys and values, or the matrix they are fused in, and the feed-forward's output: IA3.</summary>
    public static Targets Scaled(CausalModel model) => Targets.Of(
        [.. Has(model, "k_proj") ? ["k_proj", "v_proj"] : (string[])[First(model, FusedInputs, "attention input")],
            FeedForwardOutput(model)]);

    /// <summary>Queries, keys and values, separate or fused: parallel bottleneck adapters.</summary>
    public static Targets AttentionInputs(CausalModel model) => Has(model, "q_proj")
        ? Targets.Of("q_proj", "k_proj", "v_proj") : Targets.Of(First(model, FusedInputs, "attention input"));

    /// <summary>The last projection of attention and of feed-forward: bottleneck adapters of Houlsby et al.</summary>
    public static Targets SublayerOutputs(CausalModel model) =>
        Targets.Of(First(model, AttentionOutputs, "attention output"), FeedForwardOutput(model));

    /// <summary>The feed-forward's output.</summary>
    public static string FeedForwardOutput(CausalModel model) => First(model, FeedForwardOutputs, "feed-forward output");

    private static string First(CausalModel model, string[] names, string role) => names.FirstOrDefault(name => Has(model, name))
        ?? throw new InputException(
            $"It is not known which layers are the {role} of {model.Shape.Family}: name adapter.targets.");

    private static bool Has(CausalModel model, string name) =>
        Targets.Of(name) is var target && model.Linears.Keys.Any(n => target.Names(n));
}
