namespace AlpacaCot.Models.Generation;

/// <summary>How the next token is chosen and when to stop.</summary>
public sealed record GenerationOptions
{
    /// <summary>The most tokens to generate.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>Always the most probable token; the sampling settings below are then not used.</summary>
    public bool Greedy { get; init; } = true;

    /// <summary>Logits are divided by this; above 1 flattens, below 1 sharpens.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Only this many most probable tokens are drawn from; 0: all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the most probable tokens that together reach this probability are drawn from; 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Logits of tokens already seen are divided (when positive) or multiplied by this; 1: not at all (Keskar et al., 2019).</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>No sequence of this many tokens occurs twice; 0: no limit.</summary>
    public int NoRepeatNgram { get; init; }

    /// <summary>Generation ends when one of these appears; it is not part of the answer.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>The seed of the draws.</summary>
    public int Seed { get; init; }

    /// <summary>Tokens that end the answer, the tokenizer's EOS by default.</summary>
    public IReadOnlyList<int>? EndTokens { get; init; }
}
