namespace AlpacaCot.Text.Tokenization;

/// <summary>What a tokenizer file says, ready to be put together by <see cref="Tokenizer"/>.</summary>
internal sealed record TokenizerParts
{
    public required string Path { get; init; }
    public required ITokenModel Model { get; init; }
    public required IDecoding Decoding { get; init; }
    public INormalizer? Normalizer { get; init; }
    public IPreTokenizer? PreTokenizer { get; init; }
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Ids that stand before and after every text; null where only the begin and end tokens decide.</summary>
    public (int[] Before, int[] After)? Template { get; init; }

    /// <summary>The tokens of these roles as the file itself names them; <c>tokenizer_config.json</c> overrules.</summary>
    public string? Bos { get; init; }
    public string? Eos { get; init; }
    public string? Unknown { get; init; }
    public string? Pad { get; init; }

    /// <summary>Whether the begin token is added where <c>tokenizer_config.json</c> does not say.</summary>
    public bool AddsBos { get; init; }

    /// <summary>The same for the end token.</summary>
    public bool AddsEos { get; init; }
}
