using AlpacaCot.Models.Layers;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>What a model reads in one pass.</summary>
/// <param name="Ids">Token ids <c>[b, s]</c>, int64.</param>
public sealed record ModelInput(Tensor Ids)
{
    /// <summary>
    /// True for real tokens and false for padding, over cached and new tokens, <c>[b, t]</c>. Not needed when padding stands
    /// only to the right: causal attention never looks there.
    /// </summary>
    public Tensor? Present { get; init; }

    /// <summary>Position of each new token, <c>[b, s]</c>; by default they count from the cache's length.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>Keys and values of earlier tokens; the new ones are added.</summary>
    public KeyValueCache? Cache { get; init; }

    /// <summary>What the layers of one pass over this input share.</summary>
    internal Pass Pass() => new(Cache, Ids.shape[1], Present, Positions);

    /// <summary>The positions, counted from the cache's length where none are given.</summary>
    internal Tensor PositionsOrPlaces()
    {
        var start = Cache?.Length ?? 0;
        return Positions ?? arange(start, start + Ids.shape[1]).expand(Ids.shape);
    }
}
