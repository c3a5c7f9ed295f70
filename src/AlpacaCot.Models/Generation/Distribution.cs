using System.Runtime.Intrinsics;

namespace AlpacaCot.Models.Generation;

/// <summary>The candidates for the next token and their probabilities, which sum to 1.</summary>
/// <param name="Tokens">Token ids; sorted by probability, highest first, if top-k or top-p applies.</param>
/// <param name="Probabilities">The probability of each candidate.</param>
internal sealed record Distribution(int[] Tokens, double[] Probabilities)
{
    /// <summary>The distribution after temperature, top-k and top-p; for greedy decoding the most probable token only.</summary>
    /// <param name="logits">One logit per token, after the repetition rules.</param>
    /// <param name="options">The sampling options.</param>
    /// <param name="least">The minimum number of candidates, regardless of top-k and top-p.</param>
    public static Distribution Of(ReadOnlySpan<float> logits, GenerationOptions options, int least = 1)
    {
        var best = ArgMax(logits);
        var max = logits[best];
        if (options.IsGreedy || float.IsNegativeInfinity(max)) return new([best], [1]);
        var limited = options.TopK > 0 || options.TopP < 1;
        var tokens = options.TopK > 0 ? Likeliest(logits, Math.Max(options.TopK, least)) : Above(logits, Floor(logits, max));
        if (limited) Sort(tokens, logits);

        var (temperature, weights, total) = (options.Temperature, new double[tokens.Length], 0.0);
        for (var i = 0; i < weights.Length; i++) total += weights[i] = Math.Exp((logits[tokens[i]] - max) / temperature);
        var (kept, mass) = (0, 0.0);
        while (kept < weights.Length && (kept < least || !limited || mass < options.TopP * total)) mass += weights[kept++];
        for (var i = 0; i < kept; i++) weights[i] /= mass;
        return new(tokens[..kept], weights[..kept]);

        // Tokens with a probability below (1 - p)/n have less than 1 - p in total, so none of them is needed to reach p.
        float Floor(ReadOnlySpan<float> all, float top)
        {
            if (options.TopP >= 1 || least > 1) return float.MinValue;
            var sum = 0.0;
            foreach (var logit in all) sum += Math.Exp((logit - top) / options.Temperature);
            return (float)(top + options.Temperature * Math.Log(sum * (1 - options.TopP) / all.Length)) - 1e-3f;
        }
    }

    /// <summary>The index of the largest value; the first one if several are equal.</summary>
    public static int ArgMax(ReadOnlySpan<float> values)
    {
        var (best, i) = (float.NegativeInfinity, 0);
        if (values.Length >= Vector256<float>.Count)
        {
            var bests = Vector256.Create(values);
            for (i = Vector256<float>.Count; i + Vector256<float>.Count <= values.Length; i += Vector256<float>.Count)
                bests = Vector256.Max(bests, Vector256.Create(values[i..]));
            for (var lane = 0; lane < Vector256<float>.Count; lane++) best = MathF.Max(best, bests[lane]);
        }
        for (; i < values.Length; i++) best = MathF.Max(best, values[i]);
        return Math.Max(0, values.IndexOf(best));
    }

    /// <summary>The probability of a token; 0 if it is not a candidate.</summary>
    public double Of(int token) => Array.IndexOf(Tokens, token) is >= 0 and var at ? Probabilities[at] : 0;

    /// <summary>The normalized residual distribution <c>max(0, p - q)</c> with respect to <paramref name="other"/>, q.</summary>
    public Distribution Beyond(Distribution other)
    {
        var rest = Probabilities.Select((p, i) => Math.Max(0, p - other.Of(Tokens[i]))).ToArray();
        var mass = rest.Sum();
        return mass > 0 ? new(Tokens, [.. rest.Select(p => p / mass)]) : this;
    }

    /// <summary>The token whose interval of cumulative probability contains a number in [0, 1).</summary>
    public int At(double number)
    {
        for (var i = 0; i < Tokens.Length; i++)
            if ((number -= Probabilities[i]) < 0) return Tokens[i];
        return Tokens[^1];
    }

    private static int[] Above(ReadOnlySpan<float> logits, float floor)
    {
        var tokens = new List<int>();
        for (var i = 0; i < logits.Length; i++)
            if (logits[i] >= floor) tokens.Add(i);
        return [.. tokens];
    }

    private static int[] Likeliest(ReadOnlySpan<float> logits, int count)
    {
        // A min-heap by logit; of equal logits the highest id comes first.
        var heap = new PriorityQueue<int, (float Logit, int Lower)>();
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNegativeInfinity(logits[i])) continue;
            if (heap.Count < count) heap.Enqueue(i, (logits[i], -i));
            else if (heap.TryPeek(out _, out var least) && logits[i] > least.Logit) heap.EnqueueDequeue(i, (logits[i], -i));
        }
        return [.. heap.UnorderedItems.Select(item => item.Element)];
    }

    private static void Sort(int[] tokens, ReadOnlySpan<float> logits)
    {
        var keys = new (float, int)[tokens.Length];
        for (var i = 0; i < keys.Length; i++) keys[i] = (-logits[tokens[i]], tokens[i]);
        Array.Sort(keys, tokens);
    }
}
