using System.Text.Json.Nodes;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's configurations of LayerNorm tuning say.</summary>
public sealed record LayerNormConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "LN_TUNING";

    /// <summary>The norms that are trained; none named: all.</summary>
    public Targets Targets { get; init; } = new();

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields) => Targets.Write(fields, layers: false);
}

/// <summary>LayerNorm tuning (Zhao et al., 2024): the gains and offsets of the norms are trained, nothing else.</summary>
public sealed class LayerNormTuning : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "LN_TUNING";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new LayerNormConfig { Targets = Targets.Read(fields) };

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var targets = ((LayerNormConfig)config).Targets;
        var norms = Norms(parts.Model).ToLookup(Module);
        var wanted = norms.Where(norm => targets is { Pattern: null, Modules: [] } || targets.Names(norm.Key)).ToList();
        if (wanted.Count == 0) throw targets.Nothing("norm", norms.Select(n => n.Key));
        foreach (var place in wanted.SelectMany(norm => norm))
            parts.TrainOwn(place, $"{Module(place)}.ln_tuning_layers{place[Module(place).Length..]}");
    }

    /// <summary>Every norm, by the last parts of their names, as PEFT wants them listed.</summary>
    public static Targets All(Families.CausalModel model) =>
        new() { Modules = [.. Norms(model).Select(place => Module(place).Split('.')[^1]).Distinct()] };

    /// <summary>The weights of the norms: what is neither in a linear layer nor in an embedding.</summary>
    internal static IEnumerable<string> Norms(Families.CausalModel model) =>
        model.Places.Keys.Where(name => !model.Linears.ContainsKey(Module(name)) && !model.Embeddings.ContainsKey(Module(name)));

    private static string Module(string place) => place[..place.LastIndexOf('.')];
}
