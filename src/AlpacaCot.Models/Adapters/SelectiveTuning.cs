using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of BitFit, which has no settings; PEFT has no such method.</summary>
public sealed record BitFitConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => BitFit.Method;
}

/// <summary>BitFit (Ben Zaken et al., 2022): only the biases are trained, those of the norms included.</summary>
public static class BitFit
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<BitFitConfig> Method { get; } = new("BITFIT")
    {
        Presets = [new("bitfit", new())], OnAttach = Attach,
    };

    private static void Attach(BitFitConfig config, AdapterBuilder builder)
    {
        Biases.Train(BiasTraining.All, [], builder);
        if (builder.Trained.Count == 0)
            throw InputException.Refusing($"BitFit trains biases, and this model ({builder.Model.Shape.Family}) has none. " +
                "Use LayerNorm tuning (ln_tuning), which is of similar size.");
    }
}

/// <summary>The configuration of freezing; PEFT has no such method.</summary>
public sealed record FreezeConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Freeze.Method;

    /// <summary><c>trained_layers</c>: the number of last blocks that are trained.</summary>
    public int TrainedLayers { get; init; } = 2;
}

/// <summary>Freezing: all weights of the last n blocks are trained; earlier blocks, embeddings and head stay frozen.</summary>
public static class Freeze
{
    /// <summary>The registered declaration of the method.</summary>
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

    private static void Attach(FreezeConfig config, AdapterBuilder builder)
    {
        var (layers, trained) = (builder.Model.Shape.Layers, config.TrainedLayers);
        if (trained > layers)
            throw new InputException(
                $"The model has {layers} blocks, so trained_layers cannot be {trained}; at most {layers} is allowed.");
        foreach (var slot in builder.Model.Slots.Keys.Where(name => Targets.Block(name) >= layers - trained))
            builder.TrainInPlace(slot);
    }
}
