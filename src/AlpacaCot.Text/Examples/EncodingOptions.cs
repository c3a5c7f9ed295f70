namespace AlpacaCot.Text.Examples;

/// <summary>How conversations become training examples.</summary>
public sealed record EncodingOptions
{
    /// <summary>The largest number of tokens of an example, BOS and EOS included; what is behind is cut off.</summary>
    public int CutoffLength { get; init; } = 512;

    /// <summary>Supervises the prompt as well as the answers. BOS is never supervised: nothing comes before it.</summary>
    public bool TrainOnInputs { get; init; }
}
