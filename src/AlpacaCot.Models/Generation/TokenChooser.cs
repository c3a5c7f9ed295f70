using AlpacaCot.Data;

namespace AlpacaCot.Models.Generation;

/// <summary>Chooses one sequence's next token from its logits, in the order of processors that Hugging Face uses.</summary>
internal sealed class TokenChooser(GenerationOptions options, int sequence)
{
    private readonly DeterministicRandom random = new DeterministicRandom(options.Seed).Fork($"sequence {sequence}");

    /// <summary>The next token.</summary>
    /// <param name="logits">One value a token; changed in place.</param>
    /// <param name="history">The prompt and what was generated so far.</param>
    public int Choose(Span<float> logits, IReadOnlyList<int> history)
    {
        if (options.RepetitionPenalty != 1) PenalizeRepetition(logits, history);
        if (options.NoRepeatNgram > 0) ForbidRepeatedNgrams(logits, history);
        return options.Greedy || options.Temperature <= 0 ? ArgMax(logits) : Draw(logits);
    }

    private void PenalizeRepetition(Span<float> logits, IReadOnlyList<int> history)
    {
        var penalty = (float)options.RepetitionPenalty;
        foreach (var token in history.Distinct())
            logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
    }

    private void ForbidRepeatedNgrams(Span<float> logits, IReadOnlyList<int> history)
    {
        var prefix = options.NoRepeatNgram - 1;
        for (var start = 0; start + prefix < history.Count; start++)
        {
            var same = true;
            for (var i = 0; i < prefix && same; i++) same = history[start + i] == history[history.Count - prefix + i];
            if (same) logits[history[start + prefix]] = float.NegativeInfinity;
        }
    }

    private int Draw(Span<float> logits)
    {
        var order = new int[logits.Length];
        for (var i = 0; i < order.Length; i++) order[i] = i;
        var keys = new float[logits.Length];
        for (var i = 0; i < keys.Length; i++) keys[i] = -logits[i];
        Array.Sort(keys, order); // most probable first
        for (int i = 0, end; i < keys.Length; i = end) // ties in the order of ids: the sort is not stable
        {
            for (end = i + 1; end < keys.Length && keys[end] == keys[i];) end++;
            if (end - i > 1) Array.Sort(order, i, end - i);
        }
        var count = options.TopK > 0 ? Math.Min(options.TopK, order.Length) : order.Length;

        var weights = new double[count];
        var total = 0.0;
        for (var i = 0; i < count; i++) total += weights[i] = Math.Exp((logits[order[i]] - logits[order[0]]) / options.Temperature);
        var (kept, mass) = (0, 0.0);
        while (kept < count && (kept == 0 || mass < options.TopP * total)) mass += weights[kept++];

        var at = random.NextDouble() * mass;
        for (var i = 0; i < kept; i++)
            if ((at -= weights[i]) < 0) return order[i];
        return order[kept - 1];
    }

    private static int ArgMax(ReadOnlySpan<float> values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            if (values[i] > values[best]) best = i;
        return best;
    }
}
