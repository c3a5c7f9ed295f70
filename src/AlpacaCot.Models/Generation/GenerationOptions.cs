using AlpacaCot.Text;

namespace AlpacaCot.Models.Generation;

/// <summary>When beam search stops.</summary>
public enum EarlyStopping
{
    /// <summary>
    /// When the best running beam, scored at its current length, cannot beat the worst finished answer; <c>False</c> in Hugging
    /// Face.
    /// </summary>
    Heuristic,

    /// <summary>As soon as there are as many finished answers as beams; <c>True</c> in Hugging Face.</summary>
    WhenFull,

    /// <summary>When no running beam can beat the finished answers at any length; <c>"never"</c> in Hugging Face.</summary>
    Never,
}

/// <summary>Options of sampling, beam search and stopping.</summary>
public sealed record GenerationOptions
{
    /// <summary>
    /// The defaults of the original Alpaca-CoT platform: multinomial beam search with a strong repetition penalty.
    /// </summary>
    public static GenerationOptions AlpacaCot { get; } = new()
    {
        MaxNewTokens = 512, Greedy = false, Temperature = 1, TopP = 0.9, TopK = 40, Beams = 4, NoRepeatNgram = 6,
        RepetitionPenalty = 1.8,
    };

    /// <summary>The maximum number of tokens to generate.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>Whether the most probable token is always chosen; the sampling options below are then ignored.</summary>
    public bool Greedy { get; init; } = true;

    /// <summary>The divisor of the logits; above 1 flattens the distribution, below 1 sharpens it.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The number of most probable tokens to sample from; 0: all.</summary>
    public int TopK { get; init; }

    /// <summary>Sampling is limited to the most probable tokens whose total probability reaches this; 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>
    /// The repetition penalty (Keskar et al., 2019): logits of earlier tokens are divided by this if positive and multiplied if
    /// negative; 1: none.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>The n-gram size, in tokens, of which no n-gram may occur twice; 0: no limit.</summary>
    public int NoRepeatNgram { get; init; }

    /// <summary>The number of beams; 1: no beam search.</summary>
    public int Beams { get; init; } = 1;

    /// <summary>
    /// The exponent of the length by which a finished answer's log-probability is divided: above 0 favours long answers, below 0
    /// short ones.
    /// </summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>When beam search stops.</summary>
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary>The number of tokens a draft model proposes per pass, if the generator has one.</summary>
    public int DraftTokens { get; init; } = 4;

    /// <summary>Strings that end the answer; they are not part of it.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>The random seed of sampling.</summary>
    public int Seed { get; init; }

    /// <summary>Token ids that end the answer; null: the tokenizer's EOS.</summary>
    public IReadOnlyList<int>? EndTokens { get; init; }

    /// <summary>
    /// Whether the most probable token is always chosen, because of <see cref="Greedy"/> or a temperature of 0.
    /// </summary>
    internal bool IsGreedy => Greedy || Temperature <= 0;

    /// <summary>Validates the options.</summary>
    /// <exception cref="InputException">An option is out of range.</exception>
    internal void Check()
    {
        if (Beams < 1) throw new InputException($"Beams: found {Beams}; allowed is 1 and more.");
        if (DraftTokens < 1) throw new InputException($"Draft tokens: found {DraftTokens}; allowed is 1 and more.");
        if (!(RepetitionPenalty > 0))
            throw new InputException($"Repetition penalty: found {RepetitionPenalty}; it must be above 0.");
    }
}
