using AlpacaCot.Text;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// Samples the next tokens of one sequence. The random numbers depend only on the seed and the sequence's number.
/// </summary>
internal sealed class Sampler(GenerationOptions options, int sequence, string purpose = "sequence")
{
    private readonly DeterministicRandom _random = new DeterministicRandom(options.Seed).Fork($"{purpose} {sequence}");

    /// <summary>Samples the next token.</summary>
    /// <param name="logits">One logit per token; modified in place.</param>
    /// <param name="history">The prompt and the tokens generated so far.</param>
    public int Choose(Span<float> logits, ReadOnlySpan<int> history)
    {
        LogitRules.Apply(logits, history, options);
        return options.IsGreedy ? Distribution.ArgMax(logits) : Draw(Distribution.Of(logits, options));
    }

    /// <summary>Samples the next token and returns it with the distribution it was drawn from.</summary>
    public (int Token, Distribution From) Propose(Span<float> logits, ReadOnlySpan<int> history)
    {
        LogitRules.Apply(logits, history, options);
        var from = Distribution.Of(logits, options);
        return (Draw(from), from);
    }

    /// <summary>
    /// Speculative sampling (Leviathan et al., 2023): accepts a draft model's proposal with probability min(1, p/q), else samples
    /// from the residual distribution max(0, p - q). The result is distributed as a sample from this model's p.
    /// </summary>
    public int Judge(Span<float> logits, ReadOnlySpan<int> history, (int Token, Distribution From) proposal)
    {
        LogitRules.Apply(logits, history, options);
        var target = Distribution.Of(logits, options);
        return _random.NextDouble() * proposal.From.Of(proposal.Token) < target.Of(proposal.Token)
            ? proposal.Token
            : Draw(target.Beyond(proposal.From));
    }

    private int Draw(Distribution from) => from.Tokens.Length == 1 ? from.Tokens[0] : from.At(_random.NextDouble());
}
