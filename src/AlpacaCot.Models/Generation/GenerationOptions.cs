using AlpacaCot.Text;

namespace AlpacaCot.Models.Generation;

/// <summary>When beam search is content.</summary>
public enum EarlyStopping
{
    /// <summary>
    /// When the best running beam, judged by its length so far, no longer beats the worst of the finished ones: what Hugging Face
    /// calls <c>False</c>.
    /// </summary>
    Heuristic,

    /// <summary>As soon as there are as many finished answers as beams: <c>True</c>.</summary>
    WhenFull,

    /// <summary>When no running beam can beat the finished ones at any length: <c>"never"</c>.</summary>
    Never,
}

/// <summary>How the next token is chosen and when to stop.</summary>
public sealed record GenerationOptions
{
    /// <summary>
    /// The defaults of the original Alpaca-CoT platform: beams that draw, with a strong penalty on repetition.
    /// </summary>
    public static GenerationOptions AlpacaCot { get; } = new()
    {
        MaxNewTokens = 512, Greedy = false, Temperature = 1, TopP = 0.9, TopK = 40, Beams = 4, NoRepeatNgram = 6,
        RepetitionPenalty = 1.8,
    };

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

    /// <summary>Logits of tokens already seen are divided (when positive) or multiplied by this; 1: not at all (Keskar et al.,
    /// 2019).</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>No sequence of this many tokens occurs twice; 0: no limit.</summary>
    public int NoRepeatNgram { get; init; }

    /// <summary>How many answers are followed at once; 1: no beam search.</summary>
    public int Beams { get; init; } = 1;

    /// <summary>
    /// A finished beam's score is its log-probability divided by its length to this power: above 0 favours long answers, below 0
    /// short ones.
    /// </summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>When beam search is content.</summary>
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary>How many tokens a draft model proposes at a time, where the generator has one.</summary>
    public int DraftTokens { get; init; } = 4;

    /// <summary>Generation ends when one of these appears; it is not part of the answer.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>The seed of the draws.</summary>
    public int Seed { get; init; }

    /// <summary>Tokens that end the answer, the tokenizer's EOS by default.</summary>
    public IReadOnlyList<int>? EndTokens { get; init; }

    /// <summary>Whether the most probable token is always taken.</summary>
    internal bool IsGreedy => Greedy || Temperature <= 0;

    /// <summary>Refuses settings that mean nothing.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    internal void Check()
    {
        if (Beams < 1) throw new InputException($"Beams: found {Beams}; allowed is 1 and more.");
        if (DraftTokens < 1) throw new InputException($"Draft tokens: found {DraftTokens}; allowed is 1 and more.");
        if (!(RepetitionPenalty > 0))
            throw new InputException($"Repetition penalty: found {RepetitionPenalty}; it must be above 0.");
    }
}
