using AlpacaCot.Text;

namespace AlpacaCot.Models.Generation;

/// <summary>Chooses one sequence's next tokens. Its draws depend on the seed and the sequence's number alone.</summary>
internal sealed class Sampler(GenerationOptions options, int sequence, string purpose = "sequence")
{
    private readonly DeterministicRandom _random = new DeterministicRandom(options.Seed).Fork($"{purpose} {sequence}");

    /// <summary>The next token.</summary>
    /// <param name="logits">One value a token; changed in place.</param>
    /// <param name="history">The prompt and what was generated so far.</param>
    public int Choose(Span<float> logits, ReadOnlySpan<int> history)
    {
        LogitRules.Apply(logits, history, options);
        return options.IsGreedy ? Distribution.ArgMax(logits) : Draw(Distribution.Of(logits, options));
    }

    /// <summary>The next token, and what it was drawn from.</summary>
    public (int Token, Distribution From) Propose(Span<float> logits, ReadOnlySpan<int> history)
    {
        LogitRules.Apply(logits, history, options);
        var from = Distribution.Of(logits, options);
        return (Draw(from), from);
    }

    /// <summary>
    /// The next token where another model has proposed one: the proposal with probability min(1, p/q), else a draw from what this
    /// model holds more probable than the other. Either way it is distributed as this model's own draw (Leviathan et al., 2023).
    /// </summary>
    public int Judge(Span<float> logits, ReadOnlySpan<int> history, (int Token, Distribution From) proposal)
    {
        LogitRules.Apply(logits, history, options);
        var own = Distribution.Of(logits, options);
        return _random.NextDouble() * proposal.From.Of(proposal.Token) < own.Of(proposal.Token)
            ? proposal.Token
            : Draw(own.Beyond(proposal.From));
    }

    private int Draw(Distribution from) => from.Tokens.Length == 1 ? from.Tokens[0] : from.At(_random.NextDouble());
}
