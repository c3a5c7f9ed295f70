using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>What the layers of one forward pass share, each made once: masks, rotary turns, linear biases.</summary>
/// <param name="cache">Keys and values of earlier tokens.</param>
/// <param name="length">New tokens, s.</param>
/// <param name="present">True for real tokens, false for padding, <c>[b, t]</c>; null when all are real.</param>
/// <param name="positions">The new tokens' positions <c>[b, s]</c>; null: they count from the cache's length.</param>
public sealed class Pass(KeyValueCache? cache, long length, Tensor? present = null, Tensor? positions = null)
{
    private readonly Dictionary<long, Tensor?> masks = [];
    private readonly Dictionary<Rope, (Tensor Cos, Tensor Sin)> turns = [];
    private readonly Dictionary<Alibi, Tensor> biases = [];

    /// <summary>Keys and values of earlier tokens.</summary>
    public KeyValueCache? Cache => cache;

    /// <summary>Tokens before the new ones.</summary>
    public long Start { get; } = cache?.Length ?? 0;

    /// <summary>New tokens, s.</summary>
    public long Length => length;

    /// <summary>The mask of <see cref="Attention.Mask"/>; with a window only the last so many tokens are seen.</summary>
    public Tensor? Mask(int? window)
    {
        var key = window ?? long.MaxValue;
        if (!masks.TryGetValue(key, out var mask)) masks.Add(key, mask = Attention.Mask(present, Start, length, key));
        return mask;
    }

    /// <summary>cos and sin of the new tokens' positions.</summary>
    public (Tensor Cos, Tensor Sin) Turns(Rope rope)
    {
        if (!turns.TryGetValue(rope, out var found))
        {
            var prompt = cache is { Length: > 0 } ? cache.PromptLength : length;
            turns.Add(rope, found = positions is null
                ? rope.Tables(Start, length, prompt)
                : rope.Tables(positions, Start + length, prompt));
        }
        return found;
    }

    /// <summary>Linear biases, -∞ where a query may not look, <c>[1 or b, heads, s, t]</c>.</summary>
    public Tensor Bias(Alibi alibi)
    {
        if (!biases.TryGetValue(alibi, out var bias))
        {
            bias = alibi.Bias(Start, length);
            var seen = Mask(null) ?? (length > 1 ? Attention.Causal(Start, length) : null);
            if (seen?.dim() == 2) bias.masked_fill_(seen.logical_not(), float.NegativeInfinity); // no second copy
            else if (seen is not null) bias = bias.masked_fill(seen.logical_not(), float.NegativeInfinity);
            biases.Add(alibi, bias);
        }
        return bias;
    }
}
