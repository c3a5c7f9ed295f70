namespace AlpacaCot.Models.Generation;

/// <summary>Rules that modify logits before sampling, in the order used by Hugging Face.</summary>
internal static class LogitRules
{
    /// <summary>Applies the repetition rules in place.</summary>
    /// <param name="logits">Logits or log-probabilities, one per token.</param>
    /// <param name="history">The prompt and the tokens generated so far.</param>
    /// <param name="options">The options that contain the rules.</param>
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
