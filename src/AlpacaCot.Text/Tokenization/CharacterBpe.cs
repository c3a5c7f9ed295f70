using System.Buffers;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Byte-pair encoding over characters: SentencePiece's BPE, and the BPE of <c>tokenizer.json</c> with byte fallback. A
/// character outside the vocabulary is encoded as its UTF-8 bytes if the vocabulary has byte pieces, else as the unknown
/// token.
/// </summary>
internal sealed class CharacterBpe : ITokenModel
{
    private readonly Vocabulary _vocabulary;
    private readonly PairTable _pairs;
    private readonly SymbolMap _symbols;
    private readonly CharacterBpeOptions _options;
    private readonly Dictionary<int, int[]> _resegmented = [];
    private readonly bool _wordsAreIndependent;

    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="pairs">The merges, over the symbols of <paramref name="symbols"/> and token ids.</param>
    /// <param name="symbols">Initial symbol of a character: its token's id, or a number beyond the vocabulary if the character
    /// occurs only inside tokens.</param>
    /// <param name="options">Handling of unknown characters, and other variants.</param>
    public CharacterBpe(Vocabulary vocabulary, PairTable pairs, SymbolMap symbols, CharacterBpeOptions options)
    {
        _vocabulary = vocabulary;
        _pairs = pairs;
        _symbols = symbols;
        _options = options;
        // If no token continues past the end of a word, words can be merged (and cached) one by one.
        _wordsAreIndependent = !options.WholePieceFirst && options.Prefix.Length == 0 && options.Suffix.Length == 0
            && vocabulary.Find(Characters.Space.ToString()) is not null
            && !options.Mergeable.Any(id => CrossesWords(vocabulary.Tokens[id]!));
        foreach (var id in options.Unused) _resegmented[id] = Resegment(id);
    }

    public IReadOnlyList<string?> Tokens => _vocabulary.Tokens;

    public int? Find(string token) => _vocabulary.Find(token);

    public void Encode(string text, int start, int end, TokenSink sink)
    {
        var fixedTokens = _options.FixedTokens;
        if (fixedTokens is null)
        {
            EncodeRun(text, start, end, sink);
            return;
        }
        var done = start;
        for (var i = start; i < end;)
        {
            var length = fixedTokens.LongestMatch(text.AsSpan(i, end - i), out var id);
            if (length == 0)
            {
                i++;
                continue;
            }
            EncodeRun(text, done, i, sink);
            sink.Add(id, i);
            done = i += length;
        }
        EncodeRun(text, done, end, sink);
    }

    private void EncodeRun(string text, int start, int end, TokenSink sink)
    {
        if (!_wordsAreIndependent)
        {
            if (end > start) EncodeWord(text, start, end, sink);
            return;
        }
        while (start < end)
        {
            // A word: leading space marks, then all characters up to the next one.
            var span = text.AsSpan(start, end - start);
            var lead = span.IndexOfAnyExcept(Characters.Space);
            var length = lead < 0 ? span.Length : span[lead..].IndexOf(Characters.Space);
            length = length < 0 ? span.Length : lead < 0 ? length : lead + length;
            EncodeWord(text, start, start + length, sink);
            start += length;
        }
    }

    private void EncodeWord(string text, int start, int end, TokenSink sink)
    {
        var word = text.AsSpan(start, end - start);
        if (sink.Cache is not { } cache || !PieceCache.Holds(word))
        {
            Merge(word, start, sink);
            return;
        }
        if (cache.Find(word) is { IsEmpty: false } known)
        {
            sink.AddRange(known);
            return;
        }
        var before = sink.Ids.Count;
        Merge(word, start, sink);
        cache.Add(word, sink.From(before));
    }

    private void Merge(ReadOnlySpan<char> word, int start, TokenSink sink)
    {
        if (_options.WholePieceFirst && _vocabulary.Find(word) is { } whole)
        {
            sink.Add(whole, start);
            return;
        }
        var rented = word.Length > 256 ? ArrayPool<int>.Shared.Rent(word.Length * 3) : null;
        var scratch = rented ?? stackalloc int[word.Length * 3];
        var symbols = scratch[..word.Length];
        var places = scratch.Slice(word.Length, word.Length);
        var origins = scratch.Slice(word.Length * 2, word.Length);
        var count = 0;
        for (var i = 0; i < word.Length; count++)
        {
            var scalar = Characters.At(word, i, out var length);
            symbols[count] = _options.Prefix.Length + _options.Suffix.Length == 0
                ? _symbols[scalar]
                : Decorated(word.Slice(i, length), first: i == 0, last: i + length == word.Length);
            places[count] = i;
            i += length;
        }
        var kept = PairMerger.Merge(symbols[..count], origins, _pairs);
        var lastUnknownEnd = -1;
        for (var i = 0; i < kept; i++)
        {
            var from = origins[i];
            if (symbols[i] >= 0 && symbols[i] < _vocabulary.Tokens.Length)
            {
                if (_resegmented.TryGetValue(symbols[i], out var parts))
                {
                    foreach (var part in parts) EmitSymbol(part, word, places[from], start, sink, ref lastUnknownEnd);
                }
                else
                {
                    sink.Add(symbols[i], start + places[from]);
                }
            }
            else
            {
                EmitSymbol(-1, word, places[from], start, sink, ref lastUnknownEnd);
            }
        }
        if (rented is not null) ArrayPool<int>.Shared.Return(rented);
    }

    private void EmitSymbol(int symbol, ReadOnlySpan<char> word, int place, int start, TokenSink sink, ref int lastUnknownEnd)
    {
        if (symbol >= 0 && symbol < _vocabulary.Tokens.Length)
        {
            sink.Add(symbol, start + place);
            return;
        }
        var scalar = Characters.At(word, place, out var length);
        if (_options.Bytes is { } bytes)
        {
            Span<byte> utf8 = stackalloc byte[4];
            var size = Characters.ToUtf8(scalar, utf8);
            foreach (var b in utf8[..size]) sink.Add(bytes[b], start + place);
        }
        else if (_options.Unknown is { } unknown)
        {
            if (!_options.FuseUnknown || lastUnknownEnd != place) sink.Add(unknown, start + place);
            lastUnknownEnd = place + length;
        }
    }

    private int Decorated(ReadOnlySpan<char> character, bool first, bool last) =>
        _vocabulary.Find(string.Concat(first ? "" : _options.Prefix, character, last ? _options.Suffix : "")) ?? -1;

    private static bool CrossesWords(string token)
    {
        for (var i = 1; i < token.Length; i++)
        {
            if (token[i] == Characters.Space && token[i - 1] != Characters.Space) return true;
        }
        return false;
    }

    // A piece marked unused still takes part in merging and is split again at the end.
    private int[] Resegment(int id)
    {
        var piece = _vocabulary.Tokens[id]!;
        var symbols = new List<int>();
        for (var i = 0; i < piece.Length;)
        {
            symbols.Add(_symbols[Characters.At(piece, i, out var length)]);
            i += length;
        }
        var merged = symbols.ToArray();
        var kept = PairMerger.Merge(merged, new int[merged.Length], _pairs, forbidden: id);
        return [.. merged[..kept].SelectMany(part => _options.Unused.Contains(part) ? Resegment(part) : [part])];
    }
}

/// <summary>Options of a <see cref="CharacterBpe"/>.</summary>
internal sealed record CharacterBpeOptions
{
    /// <summary>Ids of the 256 byte pieces for byte fallback; null: no fallback.</summary>
    public int[]? Bytes { get; init; }
    public int? Unknown { get; init; }
    /// <summary>Adjacent unknown characters form one token.</summary>
    public bool FuseUnknown { get; init; }
    /// <summary>A piece that is a token itself bypasses the merges (<c>ignore_merges</c>).</summary>
    public bool WholePieceFirst { get; init; }
    /// <summary>Prefix of every character of a word except the first.</summary>
    public string Prefix { get; init; } = "";
    /// <summary>Suffix of the last character of a word.</summary>
    public string Suffix { get; init; } = "";
    /// <summary>Tokens that merges can produce.</summary>
    public IReadOnlyCollection<int> Mergeable { get; init; } = [];
    /// <summary>Pieces that take part in merging but are never emitted.</summary>
    public IReadOnlySet<int> Unused { get; init; } = new HashSet<int>();
    /// <summary>Tokens matched before merging (user-defined symbols).</summary>
    public TokenTrie? FixedTokens { get; init; }
}
