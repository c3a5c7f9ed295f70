using System.Text.Json.Nodes;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>A configuration of BitFit, which PEFT has not.</summary>
public sealed record BitFitConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "BITFIT";

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields) { }
}

/// <summary>BitFit (Ben Zaken et al., 2022): the biases are trained, those of the norms too, and nothing else.</summary>
public sealed class BitFit : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "BITFIT";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new BitFitConfig();

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        Biases.Train("all", [], parts);
        if (parts.Trained.Count == 0)
            throw InputException.Refusing($"BitFit trains biases, and this model ({parts.Model.Shape.Family}) has none. " +
                "LayerNorm tuning (ln_tuning) is as small.");
    }
}

/// <summary>A configuration of freezing, which PEFT has not.</summary>
public sealed record FreezeConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "FREEZE";

    /// <summary><c>trained_layers</c>: the last blocks, which are trained.</summary>
    public int TrainedLayers { get; init; } = 2;

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields) => fields["trained_layers"] = TrainedLayers;
}

/// <summary>Freezing: all weights of the last n blocks are trained; what is before them and the head stay.</summary>
public sealed class Freeze : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "FREEZE";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new FreezeConfig { TrainedLayers = fields.Whole("trained_layers", 1) ?? 2 };

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var (layers, trained) = (parts.Model.Shape.Layers, ((FreezeConfig)config).TrainedLayers);
        if (trained > layers) throw new InputException($"The model has {layers} blocks: its last {trained} cannot be trained.");
        foreach (var place in parts.Model.Places.Keys.Where(name => Targets.Block(name) >= layers - trained))
            parts.TrainOwn(place);
    }
}
