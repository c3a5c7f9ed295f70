namespace AlpacaCot.Text.Tokenization;

/// <summary>Two-way mapping of tokens and ids.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;

    /// <param name="tokens">Tokens by id; null for an unused id.</param>
    public Vocabulary(string?[] tokens)
    {
        Tokens = tokens;
        _ids = new Dictionary<string, int>(tokens.Count(token => token is not null), StringComparer.Ordinal);
        for (var id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] is { } token) _ids.TryAdd(token, id);
        }
        _lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public string?[] Tokens { get; }

    public int? Find(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    public int? Find(ReadOnlySpan<char> token) => _lookup.TryGetValue(token, out var id) ? id : null;
}
