using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Handling of the matches of a split (names of <c>tokenizer.json</c>).</summary>
internal enum SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous }

/// <summary>Splits at the matches of a pattern.</summary>
internal sealed class PatternSplit(ITextPattern pattern, SplitBehavior behavior, bool invert = false) : IPreTokenizer
{
    public void Cut(Pieces pieces, TextPlace place)
    {
        var (cut, matches) = (pieces.Next(), pieces.Matches);
        foreach (var (start, end) in pieces.Ranges)
        {
            matches.Clear();
            pattern.Find(pieces.Text, start, end, matches);
            var join = new Joiner(cut, behavior);
            var done = start;
            foreach (var match in matches)
            {
                join.Add(done, match.Start, invert);
                join.Add(match.Start, match.End, !invert);
                done = match.End;
            }
            join.Add(done, end, invert);
        }
        pieces.Replace();
    }

    private struct Joiner(List<(int Start, int End)> cut, SplitBehavior behavior)
    {
        private bool _any, _lastMatched;

        public void Add(int start, int end, bool matched)
        {
            if (start == end) return;
            var joins = _any && behavior switch
            {
                SplitBehavior.MergedWithPrevious => matched && !_lastMatched,
                SplitBehavior.MergedWithNext => !matched && _lastMatched,
                SplitBehavior.Contiguous => matched == _lastMatched,
                _ => false,
            };
            if (joins) cut[^1] = (cut[^1].Start, end);
            else if (!matched || behavior != SplitBehavior.Removed) cut.Add((start, end));
            (_any, _lastMatched) = (true, matched);
        }
    }
}

/// <summary>Matches single characters of a class.</summary>
internal sealed class CharacterPattern(Func<int, bool> belongs) : ITextPattern
{
    public static CharacterPattern Number { get; } = new(c =>
        Category(c) is >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber);

    public static CharacterPattern Punctuation { get; } = new(c => c < 128
        ? char.IsPunctuation((char)c) || char.IsSymbol((char)c)
        : Category(c) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation);

    public static CharacterPattern WhiteSpace { get; } = new(c => c < 0x10000 && char.IsWhiteSpace((char)c));

    public static CharacterPattern Of(char wanted) => new(c => c == wanted);

    public void Find(string text, int start, int end, List<(int Start, int End)> matches)
    {
        var span = text.AsSpan(0, end);
        for (var i = start; i < end;)
        {
            if (belongs(Characters.At(span, i, out var length))) matches.Add((i, i + length));
            i += length;
        }
    }

    private static UnicodeCategory Category(int scalar) => CharUnicodeInfo.GetUnicodeCategory(scalar);
}

/// <summary>Matches a fixed string.</summary>
internal sealed class LiteralPattern(string wanted) : ITextPattern
{
    public string Wanted => wanted;

    public void Find(string text, int start, int end, List<(int Start, int End)> matches)
    {
        if (wanted.Length == 0) return;
        for (int at; (at = text.IndexOf(wanted, start, end - start, StringComparison.Ordinal)) >= 0; start = at + wanted.Length)
            matches.Add((at, at + wanted.Length));
    }
}

/// <summary>Runs of word characters, and runs that are neither word characters nor white space (<c>\w+|[^\w\s]+</c>).</summary>
internal sealed class WordOrSymbolPattern : ITextPattern
{
    public void Find(string text, int start, int end, List<(int Start, int End)> matches)
    {
        var span = text.AsSpan(0, end);
        var (open, openKind) = (start, 2);
        for (var i = start; i < end;)
        {
            var kind = Kind(Characters.At(span, i, out var length));
            if (kind != openKind)
            {
                if (openKind != 2) matches.Add((open, i));
                (open, openKind) = (i, kind);
            }
            i += length;
        }
        if (openKind != 2 && open < end) matches.Add((open, end));
    }

    private static int Kind(int scalar)
    {
        if (scalar < 0x10000 && char.IsWhiteSpace((char)scalar)) return 2;
        var category = CharUnicodeInfo.GetUnicodeCategory(scalar);
        return category is <= UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation ? 0 : 1;
    }
}

/// <summary>Applies several pre-tokenizers in order.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<IPreTokenizer> members) : IPreTokenizer
{
    public void Cut(Pieces pieces, TextPlace place)
    {
        foreach (var member in members) member.Cut(pieces, place);
    }
}

/// <summary>Prepends a space to every piece without one (<c>ByteLevel</c>'s <c>add_prefix_space</c>).</summary>
internal sealed class SpaceInFront : IPreTokenizer
{
    public void Cut(Pieces pieces, TextPlace place)
    {
        if (place == TextPlace.Continuation) return;
        pieces.Rewrite(piece => piece is [' ', ..] ? piece.ToString() : string.Concat(" ", piece));
    }
}

/// <summary>Maps every piece to <see cref="ByteAlphabet"/>, for pre-tokenizers after <c>ByteLevel</c>.</summary>
internal sealed class ByteSpelling : IPreTokenizer
{
    public void Cut(Pieces pieces, TextPlace place) => pieces.Rewrite(piece =>
    {
        var utf8 = new byte[Encoding.UTF8.GetMaxByteCount(piece.Length)];
        return ByteAlphabet.Spell(utf8.AsSpan(0, Encoding.UTF8.GetBytes(piece, utf8)));
    });
}

/// <summary>Which pieces get a word-start mark.</summary>
internal enum PrependScheme { Never, First, Always }

/// <summary><c>Metaspace</c>: replaces spaces by marks, adds the start mark, and splits before each mark.</summary>
internal sealed class Metaspace(char mark, PrependScheme scheme, bool split) : IPreTokenizer
{
    private readonly PatternSplit _split = new(CharacterPattern.Of(mark), SplitBehavior.MergedWithNext);

    public void Cut(Pieces pieces, TextPlace place)
    {
        var isFirst = place == TextPlace.Start;
        pieces.Rewrite(piece =>
        {
            var marked = piece.ToString().Replace(' ', mark);
            var isWanted = scheme == PrependScheme.Always ? place != TextPlace.Continuation
                : scheme == PrependScheme.First && isFirst;
            isFirst = false;
            return isWanted && marked[0] != mark ? mark + marked : marked;
        });
        if (split) _split.Cut(pieces, place);
    }
}
