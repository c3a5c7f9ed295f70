namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Byte-pair merging (Sennrich et al. 2016) in O(n log n) for a word of n symbols: a heap contains the pairs by rank, then
/// from left to right; entries whose pair has changed are discarded when they reach the top.
/// </summary>
internal sealed class PairMerger
{
    private const int KeptCapacity = 1 << 15;

    [ThreadStatic] private static PairMerger? _mine;

    private readonly int[] _previous, _next, _rank, _result;
    private ulong[] _heap;
    private int _heapCount, _forbidden;

    private PairMerger(int capacity)
    {
        _previous = new int[capacity];
        _next = new int[capacity];
        _rank = new int[capacity];
        _result = new int[capacity];
        _heap = new ulong[capacity];
    }

    /// <summary>
    /// Merges <paramref name="symbols"/> in place and returns the remaining number; <paramref name="origins"/> receives the
    /// original index of each. Negative symbols never merge; no merge results in <paramref name="forbidden"/>.
    /// </summary>
    public static int Merge(Span<int> symbols, Span<int> origins, PairTable pairs, int forbidden = -1)
    {
        if (symbols.Length > KeptCapacity) return new PairMerger(symbols.Length).Run(symbols, origins, pairs, forbidden);
        // The thread must not retain the scratch memory of a very long word.
        if (_mine is null || _mine._next.Length < symbols.Length)
            _mine = new PairMerger(Math.Min(KeptCapacity, Math.Max(64, symbols.Length * 2)));
        return _mine.Run(symbols, origins, pairs, forbidden);
    }

    private int Run(Span<int> symbols, Span<int> origins, PairTable pairs, int forbidden)
    {
        _forbidden = forbidden;
        var count = symbols.Length;
        _heapCount = 0;
        for (var i = 0; i < count; i++)
        {
            _previous[i] = i - 1;
            _next[i] = i + 1 < count ? i + 1 : -1;
        }
        for (var i = 0; i < count; i++) Consider(i, symbols, pairs);
        while (_heapCount > 0)
        {
            var top = Pop();
            var left = (int)(uint)top;
            if (_rank[left] != (int)(top >> 32)) continue;
            var right = _next[left];
            symbols[left] = _result[left];
            var after = _next[left] = _next[right];
            if (after >= 0) _previous[after] = left;
            _rank[right] = int.MaxValue;
            Consider(left, symbols, pairs);
            if (_previous[left] >= 0) Consider(_previous[left], symbols, pairs);
        }
        var kept = 0;
        for (var i = 0; i >= 0 && i < count; i = _next[i])
        {
            symbols[kept] = symbols[i];
            origins[kept++] = i;
        }
        return kept;
    }

    private void Consider(int left, Span<int> symbols, PairTable pairs)
    {
        var right = _next[left];
        if (right >= 0 && symbols[left] >= 0 && symbols[right] >= 0
            && pairs.TryGet(symbols[left], symbols[right], out var rank, out var result)
            && result != _forbidden)
        {
            _rank[left] = rank;
            _result[left] = result;
            Push(((ulong)(uint)rank << 32) | (uint)left);
        }
        else
        {
            _rank[left] = int.MaxValue;
        }
    }

    private void Push(ulong entry)
    {
        if (_heapCount == _heap.Length) Array.Resize(ref _heap, _heap.Length * 2);
        var at = _heapCount++;
        while (at > 0 && _heap[(at - 1) >> 1] > entry)
        {
            _heap[at] = _heap[(at - 1) >> 1];
            at = (at - 1) >> 1;
        }
        _heap[at] = entry;
    }

    private ulong Pop()
    {
        var top = _heap[0];
        var last = _heap[--_heapCount];
        var at = 0;
        while (true)
        {
            var child = at * 2 + 1;
            if (child >= _heapCount) break;
            if (child + 1 < _heapCount && _heap[child + 1] < _heap[child]) child++;
            if (_heap[child] >= last) break;
            _heap[at] = _heap[child];
            at = child;
        }
        _heap[at] = last;
        return top;
    }
}
