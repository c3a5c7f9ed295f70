using System.Runtime.InteropServices;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Where a model puts its ids and, when asked, which stretch of the normalized text each token covers.</summary>
internal sealed class TokenSink(bool withRanges = false)
{
    public List<int> Ids { get; } = [];

    /// <summary>UTF-16 index of each token's first character; null when nobody asked.</summary>
    public List<int>? Starts { get; } = withRanges ? [] : null;

    /// <summary>What <see cref="ClosePiece"/> has finished.</summary>
    public List<(int Start, int End)> Ranges { get; } = [];

    /// <summary>Added to every start: where the text being encoded lies in the whole.</summary>
    public int Base { get; set; }

    public void Add(int id, int start)
    {
        Ids.Add(id);
        Starts?.Add(Base + start);
    }

    public void AddRange(ReadOnlySpan<int> ids) => Ids.AddRange(ids);

    public ReadOnlySpan<int> From(int count) => CollectionsMarshal.AsSpan(Ids)[count..];

    /// <summary>The tokens since the last call end with the piece; tokens that share a character share its range.</summary>
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
