using System.Runtime.InteropServices;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>The <c>normalizer_spec</c> of a SentencePiece model (its <c>src/normalizer.cc</c> is the specification).</summary>
internal sealed record SentencePieceNormalizer : INormalizer
{
    private static readonly byte[] Space = Encoding.UTF8.GetBytes(Characters.Space.ToString());

    public CharsMap? Map { get; init; }
    public bool AddDummyPrefix { get; init; } = true;
    public bool RemoveExtraWhitespaces { get; init; } = true;
    public bool EscapeWhitespaces { get; init; } = true;
    public bool SpaceIsSuffix { get; init; }

    /// <summary>User-defined symbols, which are not normalized.</summary>
    public TokenTrie? FixedTokens { get; init; }

    /// <summary>Whether every run between special tokens gets a dummy prefix, instead of only the first.</summary>
    public bool PrefixAfterTokens { get; init; } = true;

    public string Normalize(string text, TextPlace place)
    {
        if (text.Length == 0) return text;
        var dummy = AddDummyPrefix && (place == TextPlace.Start || (place == TextPlace.AfterToken && PrefixAfterTokens));
        if (Map is null && !RemoveExtraWhitespaces && !SpaceIsSuffix)
        {
            var marked = dummy ? " " + text : text;
            return EscapeWhitespaces ? marked.Replace(' ', Characters.Space) : marked;
        }
        // Spaces are removed at the ends of a text, but inside it they separate two words.
        dummy |= place == TextPlace.Continuation && RemoveExtraWhitespaces && char.IsWhiteSpace(text[0]);
        return Rewrite(text, dummy);
    }

    private string Rewrite(string text, bool dummy)
    {
        var input = Encoding.UTF8.GetBytes(text);
        var output = new List<byte>(input.Length + 8);
        ReadOnlySpan<byte> space = EscapeWhitespaces ? Space : " "u8;
        var (at, charAt) = (0, 0);
        if (RemoveExtraWhitespaces)
        {
            while (at < input.Length)
            {
                var head = Next(text, input, ref at, ref charAt, out var before);
                if (head.SequenceEqual(" "u8)) continue;
                (at, charAt) = before;
                break;
            }
            if (at == input.Length) return "";
        }
        if (dummy && !SpaceIsSuffix) output.AddRange(space);
        var afterSpace = RemoveExtraWhitespaces;
        while (at < input.Length)
        {
            var piece = Next(text, input, ref at, ref charAt, out _);
            while (afterSpace && piece.StartsWith(" "u8)) piece = piece[1..];
            if (!piece.IsEmpty)
            {
                foreach (var b in piece)
                {
                    if (b == ' ') output.AddRange(space);
                    else output.Add(b);
                }
                afterSpace = piece[^1] == ' ';
            }
            if (!RemoveExtraWhitespaces) afterSpace = false;
        }
        if (RemoveExtraWhitespaces)
        {
            while (CollectionsMarshal.AsSpan(output).EndsWith(space))
                output.RemoveRange(output.Count - space.Length, space.Length);
        }
        if (dummy && SpaceIsSuffix) output.AddRange(space);
        return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(output));
    }

    // Returns the replacement of the characters at a position and advances. Both encodings of the text advance together,
    // because the map operates on UTF-8 and the symbols on UTF-16.
    private ReadOnlySpan<byte> Next(string text, byte[] input, ref int at, ref int charAt, out (int, int) before)
    {
        before = (at, charAt);
        var length = 0;
        ReadOnlySpan<byte> replacement = default;
        if (FixedTokens?.LongestMatch(text.AsSpan(charAt), out _) is > 0 and var units)
        {
            length = Encoding.UTF8.GetByteCount(text.AsSpan(charAt, units));
            replacement = input.AsSpan(at, length);
        }
        else if (Map is null || !Map.TryMap(input.AsSpan(at), out length, out replacement))
        {
            length = input[at] < 0x80 ? 1 : input[at] < 0xE0 ? 2 : input[at] < 0xF0 ? 3 : 4;
            replacement = input.AsSpan(at, length);
        }
        at += length;
        for (var left = length; left > 0;)
        {
            left -= Characters.Utf8Length(Characters.At(text, charAt, out var step));
            charAt += step;
        }
        return replacement;
    }
}
