namespace AlpacaCot.Models.Generation;

/// <summary>What is done to logits before a token is chosen, in the order that Hugging Face uses.</summary>
internal static class LogitRules
{
    /// <summary>The rules on repetition, in place.</summary>
    /// <param name="logits">Logits or log-probabilities, one a token.</param>
    /// <param name="history">The prompt and what was generated so far.</param>
    /// <param name="options">The rules.</param>
    public static void Apply(Span<float> logits, ReadOnlySpan<int> history, GenerationOptions options)
    {
        if (options.RepetitionPenalty != 1) PenalizeRepetition(logits, history, (float)options.RepetitionPenalty);
        if (options.NoRepeatNgram > 0) ForbidRepeatedNgrams(logits, history, options.NoRepeatNgram - 1);
    }

    private static void PenalizeRepetition(Span<float> logits, ReadOnlySpan<int> history, float penalty)
    {
        var seen = new HashSet<int>();
        foreach (var token in history)
            if (seen.Add(token)) logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
    }

    private static void ForbidRepeatedNgrams(Span<float> logits, ReadOnlySpan<int> history, int prefix)
    {
        if (history.Length < prefix) return;
        var last = history[^prefix..];
        for (var start = 0; start + prefix < history.Length; start++)
            if (history.Slice(start, prefix).SequenceEqual(last)) logits[history[start + prefix]] = float.NegativeInfinity;
    }
}
