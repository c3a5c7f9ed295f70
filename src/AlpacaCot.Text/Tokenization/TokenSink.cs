using System.Runtime.InteropServices;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Collects token ids and, optionally, the range of normalized text that each covers. It is used again for other texts of the
/// same tokenizer, with the lists and the cache that encoding needs, so that encoding allocates little.
/// </summary>
internal sealed class TokenSink(bool withRanges = false)
{
    private const int MostKept = 1 << 18; // ids and characters; what one very long text needed is not kept

    /// <summary>The ids of frequent words; null if ranges are collected.</summary>
    public PieceCache? Cache => withRanges ? null : field ??= new();

    /// <summary>The text in pieces.</summary>
    public Pieces Pieces { get; } = new("");

    public List<int> Ids { get; } = [];

    /// <summary>UTF-16 index of each token's first character; null if ranges are not collected.</summary>
    public List<int>? Starts { get; } = withRanges ? [] : null;

    /// <summary>Ranges completed by <see cref="ClosePiece"/>.</summary>
    public List<(int Start, int End)> Ranges { get; } = [];

    /// <summary>Offset added to every start: position of the encoded text in the whole.</summary>
    public int Base { get; set; }

    /// <summary>The ids, as an array; the sink can be used for another text afterwards.</summary>
    public int[] Take()
    {
        var ids = Ids.ToArray();
        Ids.Clear();
        Pieces.Begin("");
        return ids;
    }

    /// <summary>Whether it is small enough to be kept.</summary>
    public bool IsKept => Ids.Capacity <= MostKept && Pieces.Capacity <= MostKept;

    public void Add(int id, int start)
    {
        Ids.Add(id);
        Starts?.Add(Base + start);
    }

    public void AddRange(ReadOnlySpan<int> ids) => Ids.AddRange(ids);

    public ReadOnlySpan<int> From(int count) => CollectionsMarshal.AsSpan(Ids)[count..];

    /// <summary>Ends a piece: the tokens since the last call end here; tokens that share a character share its range.</summary>
    public void ClosePiece(int end)
    {
        if (Starts is null) return;
        var first = Ranges.Count;
        end += Base;
        for (var i = Starts.Count - 1; i >= first; i--)
        {
            if (i + 1 < Starts.Count && Starts[i + 1] > Starts[i]) end = Starts[i + 1];
            Ranges.Add((Starts[i], end));
        }
        Ranges.Reverse(first, Ranges.Count - first);
    }
}
