using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Converts text to token ids and back, identical to the reference implementation of its file: Hugging Face's
/// <c>tokenizer.json</c>, a SentencePiece or tiktoken <c>tokenizer.model</c>, or GPT-2's <c>vocab.json</c> with
/// <c>merges.txt</c>. Runs in linear time. Thread-safe.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly AddedTokens _raw, _normalized;
    private readonly Dictionary<int, AddedToken> _addedById = [];
    private readonly Dictionary<string, int> _addedIds = new(StringComparer.Ordinal);
    private readonly int[] _before, _after;
    private readonly ConcurrentBag<TokenSink> _sinks = [];

    internal Tokenizer(TokenizerParts parts, TokenizerConfig config)
    {
        _parts = parts;
        foreach (var token in parts.AddedTokens)
        {
            if (token.Id >= JsonModels.MostIds)
                throw new InputException($"{parts.Path}: the added token {token.Text} has the id {token.Id}; at most " +
                    $"{JsonModels.MostIds - 1} is supported.");
            _addedById[token.Id] = token;
            _addedIds[token.Text] = token.Id;
        }
        var added = _addedById.Values.ToList();
        _raw = new AddedTokens([.. added.Where(t => IsRaw(t, parts)).Select(t => (t, t.Text))]);
        _normalized = new AddedTokens([.. added.Where(t => !IsRaw(t, parts))
            .Select(t => (t, parts.Normalizer!.Normalize(t.Text, TextPlace.Start)))]);
        VocabularySize = added.Select(t => t.Id + 1).Append(parts.Model.Tokens.Count).Max();
        BosId = Role(config.Bos) ?? Role(parts.Bos);
        EosId = Role(config.Eos) ?? Role(parts.Eos);
        UnknownId = Role(config.Unknown) ?? Role(parts.Unknown);
        PadId = Role(config.Pad) ?? Role(parts.Pad);
        (_before, _after) = parts.Template ?? (
            (config.AddsBos ?? parts.AddsBos) && BosId is { } bos ? [bos] : [],
            (config.AddsEos ?? parts.AddsEos) && EosId is { } eos ? [eos] : []);
    }

    /// <summary>
    /// Loads a tokenizer from a model folder (in order of preference <c>tokenizer.json</c>, <c>tokenizer.model</c>,
    /// <c>vocab.json</c>) or from one of these files; the format is detected from the content. A <c>tokenizer_config.json</c>
    /// in the same folder is applied.
    /// </summary>
    /// <exception cref="InputException">The tokenizer is missing, corrupt, or uses an unsupported component.</exception>
    public static Tokenizer Load(string path) => InputBoundary.Read(path, () => TokenizerFiles.Load(path));

    /// <summary>Path of the file this tokenizer was loaded from.</summary>
    public string Path => _parts.Path;

    /// <summary>Highest id plus one, including added tokens.</summary>
    public int VocabularySize { get; }

    /// <summary>
    /// The first id from <paramref name="start"/> whose token is not an added one; null if all are added or unused.
    /// </summary>
    public int? FirstIdNotAdded(int start)
    {
        for (var id = start; id < _parts.Model.Tokens.Count; id++)
            if (_parts.Model.Tokens[id] is not null && !_addedById.ContainsKey(id)) return id;
        return null;
    }

    /// <summary>Id of the beginning-of-sequence token; null if none.</summary>
    public int? BosId { get; }

    /// <summary>Id of the end-of-sequence token; null if none.</summary>
    public int? EosId { get; }

    /// <summary>Id of the unknown token; null if none.</summary>
    public int? UnknownId { get; }

    /// <summary>Id of the padding token; null if none.</summary>
    public int? PadId { get; }

    /// <summary>Whether encoding prepends the BOS token by default, as in the reference.</summary>
    public bool AddsBos => BosId is { } id && _before.Contains(id);

    /// <summary>Whether encoding appends the EOS token by default, as in the reference.</summary>
    public bool AddsEos => EosId is { } id && _after.Contains(id);

    /// <summary>Encodes a whole text.</summary>
    /// <param name="text">The text; unpaired surrogates are read as U+FFFD.</param>
    /// <param name="addSpecial">Whether to add the tokens that the reference adds by default (BOS, EOS).</param>
    /// <param name="parseSpecial">Whether special tokens are matched in the text; false treats them as ordinary text.</param>
    public int[] Encode(string text, bool addSpecial = true, bool parseSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sink = Rent();
        if (addSpecial) sink.AddRange(_before);
        EncodeText(text, TextPlace.Start, parseSpecial, sink, null);
        if (addSpecial) sink.AddRange(_after);
        return Return(sink);
    }

    /// <summary>
    /// Encodes a segment of a longer text, without BOS and EOS. Only the <paramref name="first"/> segment gets the word-start
    /// mark that some tokenizers prepend to a text.
    /// </summary>
    /// <param name="text">The segment.</param>
    /// <param name="first">Whether the segment is at the start of the text.</param>
    /// <param name="parseSpecial">Whether special tokens are matched in the text.</param>
    public int[] EncodeSegment(string text, bool first, bool parseSpecial = false) =>
        EncodeSegment(text, first ? TextPlace.Start : TextPlace.Continuation, parseSpecial);

    internal int[] EncodeSegment(string text, TextPlace place, bool parseSpecial)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sink = Rent();
        EncodeText(text, place, parseSpecial, sink, null);
        return Return(sink);
    }

    // A sink for each text that is encoded at the same time; a thread gets the one that it used before.
    private TokenSink Rent() => _sinks.TryTake(out var sink) ? sink : new();

    private int[] Return(TokenSink sink)
    {
        var ids = sink.Take();
        if (sink.IsKept) _sinks.Add(sink);
        return ids;
    }

    /// <summary>The position of a text that follows a token in the same text.</summary>
    internal TextPlace PlaceAfter(int id) => !_addedById.TryGetValue(id, out var added) ? TextPlace.Continuation
        : IsRaw(added, _parts) ? TextPlace.AfterToken : TextPlace.AfterNormalizedToken;

    // Such a token is matched before normalization, the others after it.
    private static bool IsRaw(AddedToken token, TokenizerParts parts) => !token.Normalized || parts.Normalizer is null;

    /// <summary>
    /// Decodes ids. Invalid UTF-8 becomes U+FFFD; unused ids (a model's padding rows) are skipped.
    /// </summary>
    /// <param name="ids">Token ids, none negative.</param>
    /// <param name="skipSpecial">Whether to omit special tokens.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = true)
    {
        var text = new StringBuilder(ids.Length * 4);
        var state = _parts.Decoding.Start(skipSpecial);
        foreach (var id in ids)
        {
            if (HasToken(id)) state.Add(id, text);
        }
        state.Flush(text);
        return text.ToString();
    }

    /// <summary>Creates an incremental decoder.</summary>
    public TokenDecoder StreamDecoder(bool skipSpecial = true) => new(this, _parts.Decoding.Start(skipSpecial));

    /// <summary>A token as written in the vocabulary (with <c>▁</c>, <c>Ġ</c> and the like); empty for an unused id.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative or not below <see cref="VocabularySize"/>.</exception>
    public string IdToToken(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, VocabularySize);
        return TokenAt(id) ?? "";
    }

    /// <summary>The id of a token as written in the vocabulary; null if unknown.</summary>
    public int? TokenToId(string token) => _addedIds.TryGetValue(token, out var id) ? id : _parts.Model.Find(token);

    /// <summary>Whether a token is a control token (BOS, EOS, padding, roles) rather than text.</summary>
    public bool IsSpecial(int id) => _addedById.TryGetValue(id, out var token) && token.Special;

    internal bool HasToken(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        return TokenAt(id) is not null;
    }

    /// <summary>Encodes a text and locates each token in the normalized text, in UTF-16 units.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecial">Add the begin and end tokens that the reference adds by itself; their ranges are empty.</param>
    /// <param name="parseSpecial">Text that spells a special token becomes that token.</param>
    /// <returns>The ids, one range (start, end exclusive) for each id, and the normalized text.</returns>
    public (IReadOnlyList<int> Ids, IReadOnlyList<(int Start, int End)> Ranges, string Normalized) EncodeWithRanges(
        string text, bool addSpecial = true, bool parseSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sink = new TokenSink(withRanges: true);
        var normalized = new StringBuilder();
        EncodeText(text, TextPlace.Start, parseSpecial, sink, normalized);
        if (!addSpecial) return (sink.Ids, sink.Ranges, normalized.ToString());
        var end = normalized.Length;
        return ([.. _before, .. sink.Ids, .. _after],
            [.. _before.Select(_ => (0, 0)), .. sink.Ranges, .. _after.Select(_ => (end, end))], normalized.ToString());
    }

    private string? TokenAt(int id) => _addedById.TryGetValue(id, out var added) ? added.Text
        : id < _parts.Model.Tokens.Count ? _parts.Model.Tokens[id] : null;

    private int? Role(string? token) => token is null ? null : TokenToId(token);

    // Match unnormalized added tokens in the raw text first, then the others after normalization.
    private void EncodeText(string text, TextPlace place, bool parseSpecial, TokenSink sink, StringBuilder? normalized)
    {
        if (!_raw.OccurIn(text))
        {
            EncodeStretch(text, place, parseSpecial, sink, normalized);
            return;
        }
        foreach (var part in _raw.Split(text, parseSpecial))
        {
            var stretch = part.End - part.Start == text.Length ? text : text[part.Start..part.End];
            if (part.Id >= 0) AddToken(part.Id, stretch, sink, normalized);
            else EncodeStretch(stretch, part.Start == 0 ? place : TextPlace.AfterToken, parseSpecial, sink, normalized);
        }
    }

    private void EncodeStretch(string text, TextPlace place, bool parseSpecial, TokenSink sink, StringBuilder? normalized)
    {
        var isContinued = place == TextPlace.AfterNormalizedToken;
        text = _parts.Normalizer?.Normalize(text, isContinued ? TextPlace.Continuation : place) ?? text;
        if (isContinued) place = TextPlace.AfterToken;
        if (!_normalized.OccurIn(text))
        {
            EncodePlain(text, place, sink, normalized);
            return;
        }
        foreach (var part in _normalized.Split(text, parseSpecial))
        {
            var stretch = part.End - part.Start == text.Length ? text : text[part.Start..part.End];
            if (part.Id >= 0) AddToken(part.Id, stretch, sink, normalized);
            else EncodePlain(stretch, part.Start == 0 ? place : TextPlace.AfterToken, sink, normalized);
        }
    }

    private void EncodePlain(string text, TextPlace place, TokenSink sink, StringBuilder? normalized)
    {
        if (text.Length == 0) return;
        sink.Base = normalized?.Length ?? 0;
        if (_parts.PreTokenizer is null)
        {
            _parts.Model.Encode(text, 0, text.Length, sink);
            sink.ClosePiece(text.Length);
        }
        else
        {
            var pieces = sink.Pieces;
            pieces.Begin(text);
            _parts.PreTokenizer.Cut(pieces, place);
            text = pieces.Text;
            foreach (var (start, end) in CollectionsMarshal.AsSpan(pieces.Ranges))
            {
                _parts.Model.Encode(text, start, end, sink);
                sink.ClosePiece(end);
            }
        }
        normalized?.Append(text);
    }

    private static void AddToken(int id, string text, TokenSink sink, StringBuilder? normalized)
    {
        sink.Base = normalized?.Length ?? 0;
        sink.Add(id, 0);
        sink.ClosePiece(text.Length);
        normalized?.Append(text);
    }
}
