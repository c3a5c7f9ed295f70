namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of LayerNorm tuning; its targets are the norms that are trained, all where none is named.</summary>
public sealed record LayerNormConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => LayerNormTuning.Method;
}

/// <summary>LayerNorm tuning (Zhao et al., 2024): the gains and offsets of the norms are trained, nothing else.</summary>
public static class LayerNormTuning
{
    /// <summary>The declaration of the method.</summary>
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

    private static void Attach(LayerNormConfig config, AdapterBuilder parts)
    {
        var targets = config.Targets;
        var norms = Norms(parts.Model).ToLookup(Module);
        var wanted = norms.Where(norm => targets.AreEmpty || targets.Names(norm.Key)).ToList();
        if (wanted.Count == 0) throw targets.Nothing("norm", norms.Select(n => n.Key));
        foreach (var place in wanted.SelectMany(norm => norm))
            parts.TrainInPlace(place, $"{Module(place)}.ln_tuning_layers{place[Module(place).Length..]}");
    }

    /// <summary>Every norm, by the last parts of their names, as PEFT wants them listed.</summary>
    public static Targets All(Families.CausalModel model) =>
        new() { Modules = [.. Norms(model).Select(place => Module(place).Split('.')[^1]).Distinct()] };

    /// <summary>The weights of the norms: what is neither in a linear layer nor in an embedding.</summary>
    internal static IEnumerable<string> Norms(Families.CausalModel model) =>
        model.Slots.Keys.Where(name => !model.Linears.ContainsKey(Module(name)) && !model.Embeddings.ContainsKey(Module(name)));

    private static string Module(string place) => place[..place.LastIndexOf('.')];
}
