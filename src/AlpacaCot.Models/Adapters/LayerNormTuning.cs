namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of LayerNorm tuning; its targets are the trained norms, all norms if none is named.</summary>
public sealed record LayerNormConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => LayerNormTuning.Method;
}

/// <summary>LayerNorm tuning (Zhao et al., 2024): only the weights and biases of the norms are trained.</summary>
public static class LayerNormTuning
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<LayerNormConfig> Method { get; } = new("LN_TUNING")
    {
        Presets = [new("ln_tuning", new())],
        Settings =
        [
            SharedSettings.Targets<LayerNormConfig>(),
            SharedSettings.LayersWhereSet<LayerNormConfig>(),
            SharedSettings.Modules<LayerNormConfig>(),
        ],
        DefaultTargets = All,
        OnAttach = Attach,
    };

    private static void Attach(LayerNormConfig config, AdapterBuilder builder)
    {
        var targets = config.Targets;
        var norms = Norms(builder.Model).ToLookup(Module);
        var targeted = norms.Where(norm => targets.AreEmpty || targets.Names(norm.Key)).ToList();
        if (targeted.Count == 0) throw targets.Nothing("norm", norms.Select(n => n.Key));
        foreach (var slot in targeted.SelectMany(norm => norm))
            builder.TrainInPlace(slot, $"{Module(slot)}.ln_tuning_layers{slot[Module(slot).Length..]}");
    }

    /// <summary>All norms, by the last components of their names, as PEFT lists them.</summary>
    public static Targets All(Families.CausalModel model) =>
        new() { Modules = [.. Norms(model).Select(slot => Module(slot).Split('.')[^1]).Distinct()] };

    /// <summary>The names of the norms' weights: those that belong to neither a linear layer nor an embedding.</summary>
    internal static IEnumerable<string> Norms(Families.CausalModel model) =>
        model.Slots.Keys.Where(name => !model.Linears.ContainsKey(Module(name)) && !model.Embeddings.ContainsKey(Module(name)));

    private static string Module(string slot) => slot[..slot.LastIndexOf('.')];
}
