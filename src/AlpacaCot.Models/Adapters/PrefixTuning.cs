using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of prefix tuning.</summary>
public sealed record PrefixTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PrefixTuning.Method;

    /// <summary><c>prefix_projection</c>: keys and values are the output of a small network.</summary>
    public bool Projects { get; init; }

    /// <summary><c>encoder_hidden_size</c>: the width of the network's hidden layer.</summary>
    public int Hidden { get; init; } = 128;
}

/// <summary>
/// Prefix tuning (Li and Liang, 2021): trained keys and values precede those of the sequence in every layer, like those of
/// preceding tokens. With projection they are the output of an MLP over an embedding; only keys and values are saved.
/// </summary>
public static class PrefixTuning
{
    private const string Prefix = "prompt_encoder";

    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<PrefixTuningConfig> Method { get; } = new("PREFIX_TUNING")
    {
        Presets = [new("prefix_tuning", new() { Projects = true })],
        Settings =
        [
            PromptConfig.VirtualTokens<PrefixTuningConfig>(),
            Setting<PrefixTuningConfig>.Whole("encoder_size", "encoder_hidden_size", 1,
                "width of the network of P-tuning or prefix tuning", c => c.Hidden, (c, v) => c with { Hidden = v }),
            Setting<PrefixTuningConfig>.Flag("projection", "prefix_projection", "whether a prefix comes out of a network",
                c => c.Projects, (c, v) => c with { Projects = v }),
        ],
        OnAttach = Attach,
    };

    private static void Attach(PrefixTuningConfig config, AdapterBuilder builder)
    {
        var shape = builder.Model.Shape;
        var width = (long)shape.KeyValueHeads * shape.HeadDimension;
        var all = 2 * shape.Layers * width;
        PromptVectors.Attach(builder, config.For(builder.Model, width, shape.KeyValueHeads), [config.Tokens, all],
            config.Projects ? Projected : null,
            vectors => builder.Prepend(
                new KeyValuePrefix(config.Tokens, TakesPositions: true, _ => KeysAndValues(vectors(), builder.Model))));

        Func<Tensor> Projected()
        {
            var start = Trained.Embedding(builder, $"{Prefix}.embedding", config.Tokens, width);
            var (first, second) = (Trained.Linear(builder, $"{Prefix}.transform.0", width, config.Hidden),
                Trained.Linear(builder, $"{Prefix}.transform.2", config.Hidden, all));
            return () => second(first(start).tanh());
        }
    }

    /// <summary>
    /// Splits <c>[n, layers · 2 · kv heads · d]</c> into keys and values of each layer, <c>[1, kv heads, n, d]</c>.
    /// </summary>
    internal static IReadOnlyList<(Tensor Key, Tensor Value)> KeysAndValues(Tensor vectors, Families.CausalModel model)
    {
        var shape = model.Shape;
        var all = vectors.view(-1, shape.Layers, 2, shape.KeyValueHeads, shape.HeadDimension).permute(1, 2, 3, 0, 4);
        return [.. Enumerable.Range(0, shape.Layers).Select(i => (all[i, 0].unsqueeze(0), all[i, 1].unsqueeze(0)))];
    }
}
