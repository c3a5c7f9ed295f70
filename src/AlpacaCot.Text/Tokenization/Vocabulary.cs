namespace AlpacaCot.Text.Tokenization;

/// <summary>Tokens by id and ids by token.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;

    /// <param name="tokens">Tokens by id; null where an id is unused.</param>
    public Vocabulary(string?[] tokens)
    {
        Tokens = tokens;
        _ids = new Dictionary<string, int>(tokens.Length, StringComparer.Ordinal);
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
