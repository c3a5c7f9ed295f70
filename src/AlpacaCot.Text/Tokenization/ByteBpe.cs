using System.Buffers;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Byte-pair encoding over the UTF-8 bytes of each piece (GPT-2, tiktoken); tokens are written in <see cref="ByteAlphabet"/>.
/// </summary>
internal sealed class ByteBpe : ITokenModel
{
    private readonly Vocabulary _vocabulary;
    private readonly PairTable _pairs;
    private readonly int[] _symbols = new int[256];
    private readonly int? _unknown;
    private readonly bool _wholePieceFirst;

    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="pairs">The merges, over token ids.</param>
    /// <param name="unknown">Token for bytes outside the vocabulary; null: such bytes are dropped.</param>
    /// <param name="wholePieceFirst">Whether a piece that is a token itself bypasses the merges.</param>
    public ByteBpe(Vocabulary vocabulary, PairTable pairs, int? unknown, bool wholePieceFirst)
    {
        _vocabulary = vocabulary;
        _pairs = pairs;
        _unknown = unknown;
        _wholePieceFirst = wholePieceFirst;
        for (var b = 0; b < 256; b++) _symbols[b] = vocabulary.Find(ByteAlphabet.Spell([(byte)b])) ?? -1;
    }

    public IReadOnlyList<string?> Tokens => _vocabulary.Tokens;

    public int? Find(string token) => _vocabulary.Find(token);

    public void Encode(string text, int start, int end, TokenSink sink)
    {
        var piece = text.AsSpan(start, end - start);
        if (sink.Cache is not { } cache || !PieceCache.Holds(piece))
        {
            Merge(piece, start, sink);
            return;
        }
        if (cache.Find(piece) is { IsEmpty: false } known)
        {
            sink.AddRange(known);
            return;
        }
        var before = sink.Ids.Count;
        Merge(piece, start, sink);
        cache.Add(piece, sink.From(before));
    }

    private void Merge(ReadOnlySpan<char> piece, int start, TokenSink sink)
    {
        var most = piece.Length * 3;
        var rented = most > 256 ? ArrayPool<int>.Shared.Rent(most * 3) : null;
        var scratch = rented ?? stackalloc int[most * 3];
        var symbols = scratch[..most];
        var places = scratch.Slice(most, most);
        var count = 0;
        Span<byte> utf8 = stackalloc byte[4];
        for (var i = 0; i < piece.Length;)
        {
            var size = Characters.ToUtf8(Characters.At(piece, i, out var length), utf8);
            foreach (var b in utf8[..size])
            {
                places[count] = i;
                // Keep the raw bytes until the lookup of the whole piece has failed.
                symbols[count++] = b;
            }
            i += length;
        }
        if (_wholePieceFirst && Whole(symbols[..count]) is { } whole)
        {
            sink.Add(whole, start);
        }
        else
        {
            foreach (ref var symbol in symbols[..count]) symbol = _symbols[symbol];
            var origins = scratch.Slice(most * 2, most);
            var kept = PairMerger.Merge(symbols[..count], origins, _pairs);
            for (var i = 0; i < kept; i++)
            {
                if (symbols[i] >= 0) sink.Add(symbols[i], start + places[origins[i]]);
                else if (_unknown is { } unknown) sink.Add(unknown, start + places[origins[i]]);
            }
        }
        if (rented is not null) ArrayPool<int>.Shared.Return(rented);
    }

    private int? Whole(ReadOnlySpan<int> bytes)
    {
        if (bytes.Length > 256) return _vocabulary.Find(string.Create(bytes.Length, bytes, static (characters, source) =>
        {
            for (var i = 0; i < characters.Length; i++) characters[i] = ByteAlphabet.CharacterOf((byte)source[i]);
        }));
        Span<char> spelled = stackalloc char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++) spelled[i] = ByteAlphabet.CharacterOf((byte)bytes[i]);
        return _vocabulary.Find(spelled);
    }
}
