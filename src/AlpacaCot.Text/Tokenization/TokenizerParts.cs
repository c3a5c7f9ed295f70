namespace AlpacaCot.Text.Tokenization;

/// <summary>Parsed content of a tokenizer file, from which <see cref="Tokenizer"/> is constructed.</summary>
internal sealed record TokenizerParts
{
    public required string Path { get; init; }
    public required ITokenModel Model { get; init; }
    public required IDetokenizer Decoding { get; init; }
    public INormalizer? Normalizer { get; init; }
    public IPreTokenizer? PreTokenizer { get; init; }
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Ids added before and after every text; null if only the BOS and EOS settings apply.</summary>
    public (int[] Before, int[] After)? Template { get; init; }

    /// <summary>Special tokens named in the file itself; <c>tokenizer_config.json</c> takes precedence.</summary>
    public string? Bos { get; init; }
    public string? Eos { get; init; }
    public string? Unknown { get; init; }
    public string? Pad { get; init; }

    /// <summary>Whether BOS is added if <c>tokenizer_config.json</c> does not specify it.</summary>
    public bool AddsBos { get; init; }

    /// <summary>Whether EOS is added if <c>tokenizer_config.json</c> does not specify it.</summary>
    public bool AddsEos { get; init; }
}
