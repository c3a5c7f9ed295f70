using System.Runtime.InteropServices;

namespace AlpacaCot.Data.Tokenization;

/// <summary>Where a model puts its ids and, when asked, the place in the normalized text where each token starts.</summary>
internal sealed class TokenSink(bool withStarts = false)
{
    public List<int> Ids { get; } = [];

    /// <summary>UTF-16 index of each token's first character; null when nobody asked.</summary>
    public List<int>? Starts { get; } = withStarts ? [] : null;

    /// <summary>Added to every start: where the text being encoded lies in the whole.</summary>
    public int Base { get; set; }

    public void Add(int id, int start)
    {
        Ids.Add(id);
        Starts?.Add(Base + start);
    }

    public void AddRange(ReadOnlySpan<int> ids) => Ids.AddRange(ids);

    public ReadOnlySpan<int> From(int count) => CollectionsMarshal.AsSpan(Ids)[count..];
}
