namespace AlpacaCot.Text.Examples;

/// <summary>The options of encoding conversations as training examples.</summary>
public sealed record EncodingOptions
{
    /// <summary>The maximum length of an example in tokens, BOS and EOS included; longer examples are truncated.</summary>
    public int CutoffLength { get; init; } = 512;

    /// <summary>Supervises the prompt as well as the answers. BOS is never supervised, because no token precedes it.</summary>
    public bool TrainOnInputs { get; init; }
}
