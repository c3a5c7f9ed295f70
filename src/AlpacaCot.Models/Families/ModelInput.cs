using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>What a model reads in one pass.</summary>
/// <param name="Ids">Token ids <c>[b, s]</c>, int64.</param>
public sealed record ModelInput(Tensor Ids)
{
    /// <summary>What the pass is for; evaluation unless training or generation is asked for.</summary>
    public PassMode Mode { get; init; }

    /// <summary>
    /// True for real tokens and false for padding, <c>[b, s]</c>. Not needed when padding stands only to the right: causal
    /// attention never looks there.
    /// </summary>
    public Tensor? Present { get; init; }

    /// <summary>Position of each token, <c>[b, s]</c>; by default they count from 0.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>The sequences with caches that the tokens continue, in place of rows; then b = 1.</summary>
    public VarlenBatch? Ragged { get; private init; }

    /// <summary>New tokens of sequences whose earlier ones are cached; the caches take in the new ones.</summary>
    /// <param name="sequences">Each sequence's cache, which may be empty, and its new tokens, one or more.</param>
    public static ModelInput Continuing(params IReadOnlyList<(KeyValueCache Cache, IReadOnlyList<int> Added)> sequences)
    {
        var ragged = new VarlenBatch(sequences);
        return new ModelInput(Tensors.Of(ragged.Ids, [1, ragged.Tokens], ragged.Positions.device))
        {
            Ragged = ragged, Positions = ragged.Positions, Mode = PassMode.Generation,
        };
    }

    /// <summary>What the layers of one pass over this input share.</summary>
    /// <param name="scope">What owns the tables of the pass.</param>
    /// <param name="compute">Where the pass computes.</param>
    /// <param name="prompt">The vectors of virtual tokens among the ids, or none.</param>
    /// <param name="noise">The noise on token vectors.</param>
    internal ForwardPass Pass(TorchSharp.DisposeScope scope, Compute compute, Tensor? prompt, double noise) =>
        new(scope, compute, Mode, Ids.shape[1], Present, Positions, Ragged, Before, HasVirtual)
        {
            UnpositionedTokens = Unplaced, Prefix = Prefix, Prompt = prompt, Noise = noise,
        };

    /// <summary>The same on a device.</summary>
    internal ModelInput On(Device device) => device.type == DeviceType.CPU && Ids.device_type == DeviceType.CPU ? this : this with
    {
        Ids = Ids.to(device), Present = Present?.to(device), Positions = Positions?.to(device),
    };

    /// <summary>Virtual tokens before each row that are not among its ids.</summary>
    internal long Before { get; init; }

    /// <summary>Whether there are virtual tokens, before the ids or among them.</summary>
    internal bool HasVirtual { get; init; }

    /// <summary>Those before that take no positions.</summary>
    internal long Unplaced { get; init; }

    /// <summary>Keys and values of those before in each layer, or none.</summary>
    internal IReadOnlyList<(Tensor Key, Tensor Value)>? Prefix { get; init; }

    /// <summary>The positions, counted where none are given.</summary>
    internal Tensor PositionsOrPlaces()
    {
        var start = Before - Unplaced;
        return Positions ?? Range(start, start + Ids.shape[1], Ids.device).expand(Ids.shape);
    }
}
