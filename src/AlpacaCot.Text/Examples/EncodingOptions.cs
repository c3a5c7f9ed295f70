using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Examples;

/// <summary>The options of encoding conversations as training examples.</summary>
public sealed record EncodingOptions
{
    /// <summary>The maximum length of an example in tokens, BOS and EOS included; longer examples are truncated.</summary>
    public int CutoffLength { get; init; } = 512;

    /// <summary>Supervises the prompt as well as the answers, except turns that the record excludes. BOS is never supervised,
    /// because no token precedes it.</summary>
    public bool TrainOnInputs { get; init; }

    /// <summary>The turns that are supervised.</summary>
    public TrainOn TrainOn { get; init; }

    /// <summary>The roles of <see cref="TrainOn.Roles"/>.</summary>
    public IReadOnlyList<Role> Roles { get; init; } = [];

    /// <summary>What becomes of the reasoning of a turn.</summary>
    public ReasoningUse Reasoning { get; init; }

    /// <summary>The rows of the model's embedding: an example with a token beyond them is an error. Null: not checked.</summary>
    public int? Embeddings { get; init; }

    /// <summary>Called in order for each record that cannot be encoded, which is then left out; null: the first one
    /// throws.</summary>
    public Action<string>? OnBadRecord { get; init; }
}

/// <summary>The turns of a conversation that are supervised. A turn that its record excludes (<see cref="Turn.Learn"/>) is never
/// supervised.</summary>
public enum TrainOn
{
    /// <summary>The assistant's turns, and turns that the record marks as trained on.</summary>
    All,

    /// <summary>The last assistant turn.</summary>
    Last,

    /// <summary>The turns of chosen roles, and turns that the record marks as trained on.</summary>
    Roles,

    /// <summary>Only turns that the record marks as trained on; a record without any mark is an error.</summary>
    PerTurn,
}

/// <summary>What becomes of the reasoning of a turn.</summary>
public enum ReasoningUse
{
    /// <summary>It is rendered and supervised like the answer.</summary>
    Render,

    /// <summary>It is rendered and not supervised.</summary>
    Mask,

    /// <summary>It is left out.</summary>
    Drop,
}
