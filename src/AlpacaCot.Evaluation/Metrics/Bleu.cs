namespace AlpacaCot.Evaluation.Metrics;

/// <summary>
/// BLEU (Papineni et al., 2002) as sacrebleu defines it (Post, 2018): tokens of <see cref="MetricTokens.Bleu"/>, n-grams up to 4,
/// exponential smoothing of orders without a match, the closest reference length.
/// </summary>
public static class Bleu
{
    private const int Orders = 4;

    /// <summary>Corpus BLEU, from 0 to 100.</summary>
    /// <param name="answers">The answers.</param>
    /// <param name="references">For each answer at least one reference.</param>
    public static double Corpus(IReadOnlyList<string> answers, IReadOnlyList<IReadOnlyList<string>> references)
    {
        var sum = new Counts();
        foreach (var (answer, right) in answers.Zip(references)) sum.Add(answer, right);
        return sum.Score(effectiveOrders: false);
    }

    /// <summary>BLEU of one answer; n-gram orders longer than the answer are ignored.</summary>
    public static double Sentence(string answer, params IReadOnlyList<string> references)
    {
        var counts = new Counts();
        counts.Add(answer, references);
        return counts.Score(effectiveOrders: true);
    }

    private sealed class Counts
    {
        private readonly int[] _shared = new int[Orders], _total = new int[Orders];
        private int _length, _referenceLength;

        public void Add(string answer, IReadOnlyList<string> references)
        {
            var tokens = MetricTokens.Bleu(answer);
            var right = references.Select(MetricTokens.Bleu).ToList();
            _length += tokens.Count;
            _referenceLength += right.Select(r => r.Count).OrderBy(n => Math.Abs(n - tokens.Count)).ThenBy(n => n).First();
            for (var n = 1; n <= Orders; n++)
            {
                var grams = NgramCounts.Of(tokens, n);
                var most = right.Select(r => NgramCounts.Of(r, n)).ToList();
                _total[n - 1] += Math.Max(0, tokens.Count - n + 1);
                _shared[n - 1] += grams.Sum(g => Math.Min(g.Value, most.Max(m => m.GetValueOrDefault(g.Key))));
            }
        }

        public double Score(bool effectiveOrders)
        {
            if (_shared.All(s => s == 0)) return 0;
            var (logs, orders, smooth) = (0.0, 0, 1.0);
            for (var n = 0; n < Orders; n++)
            {
                if (_total[n] == 0)
                {
                    if (effectiveOrders) break;
                    return 0;
                }
                if (_shared[n] == 0) smooth *= 2;
                logs += Math.Log(_shared[n] == 0 ? 100 / (smooth * _total[n]) : 100.0 * _shared[n] / _total[n]);
                orders++;
            }
            var brevity = _length >= _referenceLength ? 1 : Math.Exp(1 - (double)_referenceLength / _length);
            return brevity * Math.Exp(logs / orders);
        }
    }
}

/// <summary>Counts n-grams of a token list.</summary>
internal static class NgramCounts
{
    public static Dictionary<string, int> Of(IReadOnlyList<string> tokens, int n)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i + n <= tokens.Count; i++)
        {
            var gram = n == 1 ? tokens[i] : string.Join('\u0001', tokens.Skip(i).Take(n));
            counts[gram] = counts.GetValueOrDefault(gram) + 1;
        }
        return counts;
    }
}
