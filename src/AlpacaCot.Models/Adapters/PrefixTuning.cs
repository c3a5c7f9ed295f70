using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of prefix tuning.</summary>
public sealed record PrefixTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PrefixTuning.Method;

    /// <summary><c>prefix_projection</c>: keys and values come out of a small network.</summary>
    public bool Projects { get; init; }

    /// <summary><c>encoder_hidden_size</c>: its width.</summary>
    public int Hidden { get; init; } = 128;
}

/// <summary>
/// Prefix tuning (Li and Liang, 2021): trained keys and values stand before those of the sequence in every layer, as if tokens
/// had been read before. With projection they come out of an MLP over an embedding; what is saved are keys and values.
/// </summary>
public static class PrefixTuning
{
    private const string At = "prompt_encoder";

    /// <summary>The declaration of the method.</summary>
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

    private static void Attach(PrefixTuningConfig own, AdapterBuilder parts)
    {
        var shape = parts.Model.Shape;
        var width = (long)shape.KeyValueHeads * shape.HeadDimension;
        var all = 2 * shape.Layers * width;
        PromptVectors.Attach(parts, own.For(parts.Model, width, shape.KeyValueHeads), [own.Tokens, all],
            own.Projects ? Projected : null,
            vectors => parts.Prepend(new KeyValuePrefix(own.Tokens, TakesPositions: true, _ => KeysAndValues(vectors(), parts.Model))));

        Func<Tensor> Projected()
        {
            var start = Trained.Embedding(parts, $"{At}.embedding", own.Tokens, width);
            var (first, second) = (Trained.Linear(parts, $"{At}.transform.0", width, own.Hidden),
                Trained.Linear(parts, $"{At}.transform.2", own.Hidden, all));
            return () => second(first(start).tanh());
        }
    }

    /// <summary><c>[n, layers · 2 · kv heads · d]</c> as keys and values of each layer, <c>[1, kv heads, n, d]</c>.</summary>
    internal static IReadOnlyList<(Tensor Key, Tensor Value)> KeysAndValues(Tensor vectors, Families.CausalModel model)
    {
        var shape = model.Shape;
        var all = vectors.view(-1, shape.Layers, 2, shape.KeyValueHeads, shape.HeadDimension).permute(1, 2, 3, 0, 4);
        return [.. Enumerable.Range(0, shape.Layers).Select(i => (all[i, 0].unsqueeze(0), all[i, 1].unsqueeze(0)))];
    }
}
