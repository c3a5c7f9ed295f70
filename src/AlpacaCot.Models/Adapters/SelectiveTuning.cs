using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>BitFit, which PEFT has not; it has no settings.</summary>
public sealed record BitFitConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => BitFit.Method;
}

/// <summary>BitFit (Ben Zaken et al., 2022): the biases are trained, those of the norms too, and nothing else.</summary>
public static class BitFit
{
    /// <summary>The declaration of the method.</summary>
    public static AdapterMethod<BitFitConfig> Method { get; } = new("BITFIT")
    {
        Presets = [new("bitfit", new())], OnAttach = Attach,
    };

    private static void Attach(BitFitConfig config, AdapterBuilder parts)
    {
        Biases.Train(BiasTraining.All, [], parts);
        if (parts.Trained.Count == 0)
            throw InputException.Refusing($"BitFit trains biases, and this model ({parts.Model.Shape.Family}) has none. " +
                "LayerNorm tuning (ln_tuning) is as small.");
    }
}

/// <summary>The settings of freezing, which PEFT has not.</summary>
public sealed record FreezeConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Freeze.Method;

    /// <summary><c>trained_layers</c>: the last blocks, which are trained.</summary>
    public int TrainedLayers { get; init; } = 2;
}

/// <summary>Freezing: all weights of the last n blocks are trained; what is before them and the head stay.</summary>
public static class Freeze
{
    /// <summary>The declaration of the method.</summary>
    public static AdapterMethod<FreezeConfig> Method { get; } = new("FREEZE")
    {
        Presets = [new("freeze", new())],
        Settings =
        [
            Setting<FreezeConfig>.Whole("trained_layers", "trained_layers", 1, "the last blocks, which freezing trains",
                c => c.TrainedLayers, (c, v) => c with { TrainedLayers = v }),
        ],
        OnAttach = Attach,
    };

    private static void Attach(FreezeConfig config, AdapterBuilder parts)
    {
        var (layers, trained) = (parts.Model.Shape.Layers, config.TrainedLayers);
        if (trained > layers) throw new InputException($"The model has {layers} blocks: its last {trained} cannot be trained.");
        foreach (var place in parts.Model.Slots.Keys.Where(name => Targets.Block(name) >= layers - trained))
            parts.TrainInPlace(place);
    }
}
