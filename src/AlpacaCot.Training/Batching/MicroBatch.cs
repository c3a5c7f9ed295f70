using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Examples;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Batching;

/// <summary>
/// Examples that go through the model together, padded on the right to the longest, with the places whose next token counts.
/// </summary>
public sealed class MicroBatch
{
    private readonly long[] ids, places, targets;

    private MicroBatch(int rows, int length, long[] ids, long[] places, long[] targets, int tokens) =>
        (Rows, Length, this.ids, this.places, this.targets, Tokens) = (rows, length, ids, places, targets, tokens);

    /// <summary>Examples.</summary>
    public int Rows { get; }

    /// <summary>Tokens of the longest example.</summary>
    public int Length { get; }

    /// <summary>Tokens of all examples without padding.</summary>
    public int Tokens { get; }

    /// <summary>Tokens that the loss counts.</summary>
    public int Supervised => targets.Length;

    /// <summary>Gathers examples.</summary>
    public static MicroBatch Of(IReadOnlyList<TokenizedExample> examples)
    {
        var length = examples.Max(e => e.Ids.Length);
        var ids = new long[examples.Count * length];
        List<long> places = [], targets = [];
        for (var row = 0; row < examples.Count; row++)
        {
            var (tokens, labels) = (examples[row].Ids, examples[row].Labels);
            for (var t = 0; t < tokens.Length; t++)
            {
                ids[row * length + t] = tokens[t];
                if (t == 0 || labels[t] == TokenizedExample.Ignored) continue; // nothing predicts the first token
                places.Add(row * length + t - 1);
                targets.Add(labels[t]);
            }
        }
        return new MicroBatch(examples.Count, length, ids, [.. places], [.. targets], examples.Sum(e => e.Ids.Length));
    }

    /// <summary>The summed negative log-likelihood of the supervised tokens, a scalar.</summary>
    public Tensor NegativeLogLikelihood(CausalModel model, PassMode mode = PassMode.Training) =>
        model.NegativeLogLikelihood(new ModelInput(Tensors.Of(ids, [Rows, Length], model.Compute.Device)) { Mode = mode },
            Tensors.Of(places, model.Compute.Device), Tensors.Of(targets, model.Compute.Device));
}
