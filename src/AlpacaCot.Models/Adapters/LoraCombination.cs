using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>How LoRA adapters become one; the words are those of PEFT's <c>add_weighted_adapter</c>.</summary>
public enum LoraCombinationKind
{
    /// <summary>The weighted sum of the updates, exactly: ranks add up.</summary>
    Cat,

    /// <summary>The weighted sum of the A's and of the B's, for adapters of one rank: cheap, and near the sum of alike
    /// ones.</summary>
    Linear,

    /// <summary>The best approximation of the weighted sum at a rank.</summary>
    Svd,
}

/// <summary>One LoRA adapter out of several, each with a weight.</summary>
public static class LoraCombination
{
    /// <summary>Combines adapters of one model.</summary>
    /// <param name="adapters">They, with their weights; above zero for <see cref="LoraCombinationKind.Linear"/>.</param>
    /// <param name="kind">How.</param>
    /// <param name="rank">The rank of <see cref="LoraCombinationKind.Svd"/>; null: the largest among them.</param>
    /// <returns>What is saved or put on the model; the caller disposes the tensors.</returns>
    /// <exception cref="InputException">They cannot be combined in this way.</exception>
    public static (LoraConfig Config, IReadOnlyDictionary<string, Tensor> Tensors) Of(
        IReadOnlyList<(Adapter Adapter, double Weight)> adapters, LoraCombinationKind kind, int? rank = null)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var parts = adapters.SelectMany(a => Updates(a.Adapter, a.Weight)).ToLookup(u => u.Layer);
        if (kind == LoraCombinationKind.Linear && parts.SelectMany(p => p).Any(u => u.Scale <= 0))
            throw new InputException("A linear combination takes roots of the weights: they must be above 0. Use cat.");
        var (tensors, ranks) = (new Dictionary<string, Tensor>(), new Dictionary<string, int>());
        foreach (var layer in parts)
        {
            var (a, b) = kind switch
            {
                LoraCombinationKind.Cat =>
                    (cat([.. layer.Select(u => u.A * Number(u.Scale))], 0), cat([.. layer.Select(u => u.B)], 1)),
                LoraCombinationKind.Linear => Linear([.. layer]),
                _ => Svd([.. layer], rank ?? (int)layer.Max(u => u.A.shape[0])),
            };
            tensors.Add($"{layer.Key}.lora_A.weight", a.contiguous().MoveToOuterDisposeScope());
            tensors.Add($"{layer.Key}.lora_B.weight", b.contiguous().MoveToOuterDisposeScope());
            ranks.Add(layer.Key, (int)a.shape[0]);
        }
        var most = ranks.Values.Max();
        var own = ranks.Where(r => r.Value != most).ToDictionary(r => System.Text.RegularExpressions.Regex.Escape(r.Key),
            r => r.Value);
        return (new LoraConfig
        {
            Rank = most, Alpha = most, RankPattern = own, AlphaPattern = own.ToDictionary(r => r.Key, r => (double)r.Value),
            Targets = new() { Modules = [.. ranks.Keys] }, BaseModel = adapters[0].Adapter.Config.BaseModel,
        }, tensors);
    }

    private sealed record Update(string Layer, Tensor A, Tensor B, double Scale);

    private static IEnumerable<Update> Updates(Adapter adapter, double weight)
    {
        const string a = ".lora_A.weight";
        if (adapter.Config is not LoraConfig { UseDora: false, HasBias: false, Start: LoraStart.Default } config
            || adapter.Parameters.Keys.Any(name => !name.EndsWith(a, StringComparison.Ordinal)
                && !name.EndsWith(".lora_B.weight", StringComparison.Ordinal)))
            throw new InputException(
                "Only plain LoRA adapters on linear layers can be combined: no DoRA, biases or other trained modules.");
        if (config.Loftq is { Iterations: > 1 })
            throw new InputException(
                "An adapter started by several iterations of LoftQ belongs to codes of its own, so it cannot be combined.");
        return adapter.Parameters.Keys.Where(name => name.EndsWith(a, StringComparison.Ordinal)).Select(name => name[..^a.Length])
            .Select(layer => new Update(layer, adapter.Parameters[layer + a], adapter.Parameters[$"{layer}.lora_B.weight"],
                weight * config.ScaleOf(layer)));
    }

    private static (Tensor, Tensor) Linear(Update[] updates)
    {
        if (updates.Select(u => u.A.shape[0]).Distinct().Count() > 1)
            throw new InputException(
                $"{updates[0].Layer} has different ranks in the adapters, which a linear combination cannot add. Use cat or svd.");
        return (updates.Select(u => u.A * Number(Math.Sqrt(u.Scale))).Aggregate((x, y) => x.Plus(y)),
            updates.Select(u => u.B * Number(Math.Sqrt(u.Scale))).Aggregate((x, y) => x.Plus(y)));
    }

    private static (Tensor, Tensor) Svd(Update[] updates, int rank)
    {
        var sum = updates.Select(u => u.B.matmul(u.A) * Number(u.Scale)).Aggregate((x, y) => x.Plus(y));
        var (u, values, vt) = linalg.svd(sum, fullMatrices: false);
        return (vt.narrow(0, 0, rank), u.narrow(1, 0, rank) * values.narrow(0, 0, rank));
    }
}
