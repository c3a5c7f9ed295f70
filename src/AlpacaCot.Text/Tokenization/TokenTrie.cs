namespace AlpacaCot.Text.Tokenization;

/// <summary>Trie of tokens over UTF-16 units, for prefix matching.</summary>
internal sealed class TokenTrie
{
    private readonly PairTable _edges;
    private readonly List<int> _ids = [-1];
    private readonly bool[] _firstUnits = new bool[0x10000];

    public TokenTrie(IEnumerable<(string Token, int Id)> tokens)
    {
        _edges = new PairTable(1024);
        foreach (var (token, id) in tokens)
        {
            var node = 0;
            if (token.Length == 0) continue;
            _firstUnits[token[0]] = true;
            foreach (var unit in token)
            {
                if (!TryStep(node, unit, out var child))
                {
                    child = _ids.Count;
                    _ids.Add(-1);
                    _edges.Add(node, unit, 0, child);
                }
                node = child;
            }
            if (_ids[node] < 0) _ids[node] = id;
        }
    }

    public bool TryStep(int node, char unit, out int child) => _edges.TryGet(node, unit, out _, out child);

    /// <summary>Id of the token that ends at a node, or -1.</summary>
    public int IdAt(int node) => _ids[node];

    /// <summary>Length of the longest token that is a prefix of <paramref name="text"/>; 0 if there is none.</summary>
    public int LongestMatch(ReadOnlySpan<char> text, out int id)
    {
        id = -1;
        if (text.IsEmpty || !_firstUnits[text[0]]) return 0;
        var (node, longest) = (0, 0);
        for (var i = 0; i < text.Length && TryStep(node, text[i], out node); i++)
        {
            if (_ids[node] < 0) continue;
            id = _ids[node];
            longest = i + 1;
        }
        return longest;
    }
}
