using System.Buffers;
using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>A token matched in the text before tokenization by the model (Hugging Face's <c>AddedToken</c>).</summary>
internal sealed record AddedToken(string Text, int Id)
{
    /// <summary>Control token: skipped in decoding, not matched in untrusted text.</summary>
    public bool Special { get; init; }
    /// <summary>Consumes white space on its left.</summary>
    public bool StripsLeft { get; init; }
    /// <summary>Consumes white space on its right.</summary>
    public bool StripsRight { get; init; }
    /// <summary>Matches whole words only.</summary>
    public bool SingleWord { get; init; }
    /// <summary>Matched in normalized text, in normalized form.</summary>
    public bool Normalized { get; init; }
}

/// <summary>A range of text between added tokens, or an added token (<paramref name="Id"/> at least 0).</summary>
internal readonly record struct TextPart(int Start, int End, int Id);

/// <summary>Matches added tokens in text: leftmost, then longest.</summary>
internal sealed class AddedTokens
{
    private readonly TokenTrie _trie;
    private readonly SearchValues<string> _forms;
    private readonly Dictionary<int, AddedToken> _byId;

    /// <param name="tokens">The tokens with the form to match.</param>
    public AddedTokens(IReadOnlyList<(AddedToken Token, string Form)> tokens)
    {
        _trie = new TokenTrie(tokens.Select(t => (t.Form, t.Token.Id)));
        _forms = SearchValues.Create([.. tokens.Select(t => t.Form).Where(form => form.Length > 0)], StringComparison.Ordinal);
        _byId = tokens.GroupBy(t => t.Token.Id).ToDictionary(g => g.Key, g => g.First().Token);
    }

    /// <summary>Whether any of the tokens occurs in a text.</summary>
    public bool OccurIn(string text) => _byId.Count > 0 && text.AsSpan().ContainsAny(_forms);

    /// <summary>Splits a text into non-empty parts, in order.</summary>
    public List<TextPart> Split(string text, bool parseSpecial)
    {
        var parts = new List<TextPart>();
        var done = 0;
        for (var at = 0; at < text.Length;)
        {
            var skip = text.AsSpan(at).IndexOfAny(_forms);
            if (skip < 0) break;
            at += skip;
            var length = _trie.LongestMatch(text.AsSpan(at), out var id);
            if (length == 0)
            {
                at++;
                continue;
            }
            var (start, end) = (at, at + length);
            at = end;
            var token = _byId[id];
            if (token.Special && !parseSpecial) continue;
            if (token.SingleWord && (EndsInWord(text.AsSpan(0, start)) || BeginsWithWord(text.AsSpan(end)))) continue;
            if (token.StripsLeft) start = Math.Max(done, text.AsSpan(0, start).TrimEnd().Length);
            if (token.StripsRight) at = end = text.Length - text.AsSpan(end).TrimStart().Length;
            if (done < start) parts.Add(new TextPart(done, start, -1));
            parts.Add(new TextPart(start, end, id));
            done = end;
        }
        if (done < text.Length) parts.Add(new TextPart(done, text.Length, -1));
        return parts;
    }

    private static bool BeginsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWord(rune);

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWord(rune);

    private static bool IsWord(Rune rune) => Rune.IsLetterOrDigit(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
            or UnicodeCategory.EnclosingMark or UnicodeCategory.ConnectorPunctuation or UnicodeCategory.LetterNumber;
}
