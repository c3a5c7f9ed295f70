using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>Methods of combining LoRA adapters, named as in PEFT's <c>add_weighted_adapter</c>.</summary>
public enum LoraCombinationKind
{
    /// <summary>The exact weighted sum of the updates; the ranks add up.</summary>
    Cat,

    /// <summary>
    /// The weighted sums of the A matrices and of the B matrices, for adapters of equal rank. Cheap, and close to the exact sum
    /// for similar adapters.
    /// </summary>
    Linear,

    /// <summary>The best approximation of the weighted sum at a given rank, by truncated SVD.</summary>
    Svd,
}

/// <summary>Weighted combination of several LoRA adapters into one.</summary>
public static class LoraCombination
{
    /// <summary>Combines adapters of one model.</summary>
    /// <param name="adapters">
    /// The adapters and their weights; weights above 0 for <see cref="LoraCombinationKind.Linear"/>.
    /// </param>
    /// <param name="kind">The method of combination.</param>
    /// <param name="rank">The rank of <see cref="LoraCombinationKind.Svd"/>; null: the largest rank of the adapters.</param>
    /// <returns>The combined configuration and tensors; the caller disposes the tensors.</returns>
    /// <exception cref="InputException">The adapters cannot be combined in this way.</exception>
    public static (LoraConfig Config, IReadOnlyDictionary<string, Tensor> Tensors) Of(
        IReadOnlyList<(Adapter Adapter, double Weight)> adapters, LoraCombinationKind kind, int? rank = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var updates = adapters.SelectMany(a => Updates(a.Adapter, a.Weight)).ToLookup(u => u.Layer);
        if (kind == LoraCombinationKind.Linear && updates.SelectMany(p => p).Any(u => u.Scale <= 0))
            throw new InputException(
                "A linear combination takes square roots of the weights, which must be above 0. Use cat for other weights.");
        var (tensors, ranks) = (new Dictionary<string, Tensor>(), new Dictionary<string, int>());
        foreach (var layer in updates)
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
        var largest = ranks.Values.Max();
        var differing = ranks.Where(r => r.Value != largest).ToDictionary(r => System.Text.RegularExpressions.Regex.Escape(r.Key),
            r => r.Value);
        return (new LoraConfig
        {
            Rank = largest, Alpha = largest, RankPattern = differing,
            AlphaPattern = differing.ToDictionary(r => r.Key, r => (double)r.Value),
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
                "An adapter initialized by several iterations of LoftQ depends on its own quantization codes, " +
                "so it cannot be combined.");
        return adapter.Parameters.Keys.Where(name => name.EndsWith(a, StringComparison.Ordinal)).Select(name => name[..^a.Length])
            .Select(layer => new Update(layer, adapter.Parameters[layer + a], adapter.Parameters[$"{layer}.lora_B.weight"],
                weight * config.ScaleOf(layer)));
    }

    private static (Tensor, Tensor) Linear(Update[] updates)
    {
        if (updates.Select(u => u.A.shape[0]).Distinct().Count() > 1)
            throw new InputException(
                $"{updates[0].Layer} has different ranks in the adapters, which a linear combination cannot add. " +
                "Use cat or svd.");
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
