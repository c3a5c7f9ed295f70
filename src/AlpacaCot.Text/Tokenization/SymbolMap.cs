namespace AlpacaCot.Text.Tokenization;

/// <summary>Maps a character to its symbol number; -1 for a character that occurs in no token.</summary>
internal sealed class SymbolMap
{
    private readonly int[] _plane0 = new int[0x10000];
    private readonly Dictionary<int, int> _others = [];

    public SymbolMap() => Array.Fill(_plane0, -1);

    public int this[int scalar]
    {
        get => scalar < 0x10000 ? _plane0[scalar] : _others.GetValueOrDefault(scalar, -1);
        set
        {
            if (scalar < 0x10000) _plane0[scalar] = value;
            else _others[scalar] = value;
        }
    }
}
