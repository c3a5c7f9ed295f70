using System.Buffers;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// The unigram language model (Kudo 2018): finds the segmentation with the highest sum of log-probabilities in one Viterbi
/// pass. Rounds like the reference, for identical ties: SentencePiece in single precision, <c>tokenizer.json</c> in
/// double precision.
/// </summary>
internal sealed class Unigram : ITokenModel
{
    private const double UnknownPenalty = 10;

    private readonly Vocabulary _vocabulary;
    private readonly double[] _scores;
    private readonly UnigramOptions _options;
    private readonly TokenTrie _trie;
    private readonly double _unknownScore, _highest;

    /// <param name="vocabulary">The pieces.</param>
    /// <param name="scores">Log-probability of each piece.</param>
    /// <param name="options">Types of the pieces and handling of unknown characters.</param>
    public Unigram(Vocabulary vocabulary, double[] scores, UnigramOptions options)
    {
        _vocabulary = vocabulary;
        _scores = scores;
        _options = options;
        var pieces = Enumerable.Range(0, scores.Length).Where(id => vocabulary.Tokens[id] is not null && options.Segments(id));
        _trie = new TokenTrie(pieces.Select(id => (vocabulary.Tokens[id]!, id)));
        var normal = pieces.Where(id => !options.Fixed(id)).Select(id => scores[id]).DefaultIfEmpty().ToArray();
        _highest = normal.Max();
        _unknownScore = Round(normal.Min() - UnknownPenalty);
    }

    public IReadOnlyList<string?> Tokens => _vocabulary.Tokens;

    public int? Find(string token) => _vocabulary.Find(token);

    private double Round(double value) => _options.SinglePrecision ? (float)value : value;

    public void Encode(string text, int start, int end, TokenSink sink)
    {
        var length = end - start;
        if (length == 0) return;
        var piece = text.AsSpan(start, length);
        var best = ArrayPool<double>.Shared.Rent(length + 1);
        var from = ArrayPool<int>.Shared.Rent(length + 1);
        var ids = ArrayPool<int>.Shared.Rent(length + 1);
        from.AsSpan(0, length + 1).Fill(-1);
        best[0] = 0;
        for (var i = 0; i < length;)
        {
            var scalar = Characters.At(piece, i, out var width);
            var covered = false;
            for (int j = i, node = 0; j < length && _trie.TryStep(node, piece[j], out node);)
            {
                j++;
                var id = _trie.IdAt(node);
                if (id < 0) continue;
                var score = _options.Fixed(id)
                    ? Round(System.Text.Encoding.UTF8.GetByteCount(piece[i..j]) * _highest) - 0.1
                    : _scores[id];
                Offer(i, j, id, score);
                covered |= j == i + width;
            }
            if (!covered) Offer(i, i + width, -1, _unknownScore);
            i += width;
        }
        Emit(piece, start, from, ids, sink);
        ArrayPool<double>.Shared.Return(best);
        ArrayPool<int>.Shared.Return(from);
        ArrayPool<int>.Shared.Return(ids);

        void Offer(int i, int j, int id, double score)
        {
            var candidate = score + best[i];
            if (from[j] >= 0 && !(candidate > best[j])) return;
            (best[j], from[j], ids[j]) = (Round(candidate), i, id);
        }
    }

    private void Emit(ReadOnlySpan<char> piece, int start, int[] from, int[] ids, TokenSink sink)
    {
        // Write the best path in order into the array that contained it in reverse.
        Span<byte> utf8 = stackalloc byte[4];
        var count = 0;
        var ends = ArrayPool<int>.Shared.Rent(piece.Length + 1);
        for (var at = piece.Length; at > 0; at = from[at]) ends[count++] = at;
        var afterUnknown = false;
        for (var i = count - 1; i >= 0; i--)
        {
            var end = ends[i];
            var id = ids[end];
            if (id >= 0)
            {
                sink.Add(id, start + from[end]);
            }
            else if (_options.Bytes is { } bytes)
            {
                var size = Characters.ToUtf8(Characters.At(piece, from[end], out _), utf8);
                foreach (var b in utf8[..size]) sink.Add(bytes[b], start + from[end]);
            }
            else if (!afterUnknown && _options.Unknown is { } unknown)
            {
                sink.Add(unknown, start + from[end]);
            }
            afterUnknown = id < 0;
        }
        ArrayPool<int>.Shared.Return(ends);
    }
}

/// <summary>Options of a <see cref="Unigram"/> model.</summary>
internal sealed record UnigramOptions
{
    public int? Unknown { get; init; }
    /// <summary>Ids of the 256 byte pieces for byte fallback; null: no fallback.</summary>
    public int[]? Bytes { get; init; }
    /// <summary>Whether a piece takes part in segmentation.</summary>
    public Func<int, bool> Segments { get; init; } = _ => true;
    /// <summary>Whether a piece is a user-defined symbol, which always has priority.</summary>
    public Func<int, bool> Fixed { get; init; } = _ => false;
    public bool SinglePrecision { get; init; }
}
