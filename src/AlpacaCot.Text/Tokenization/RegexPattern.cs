using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Runs a regular expression of <c>tokenizer.json</c> (Oniguruma's dialect, over code points) in .NET's engine (over UTF-16
/// units). In the searched text each supplementary character is replaced by one unit of the same category, so that
/// <c>\p{L}</c> and <c>[^\s]</c> match it as one character.
/// </summary>
internal sealed class RegexPattern : ITextPattern
{
    private const char HanStandIn = '\uF900';

    // One rare character of each general category, in the order of UnicodeCategory.
    private const string StandIns =
        "\uA64A\uA64B\u1F88\uA9CF\uA000\uA8E0\uA8B4\uA670\uA8D0\uA6E6\uA830\u3000\u2028\u2029\u0007\u206A\uD800\uE000"
        + "\u2054\u2E17\u2E22\u2E23\u2E02\u2E03\uA8CE\u2A00\u20B6\uA700\uA490\uFFFE";

    // One match, and all matches in a text: a second for each million characters more.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2), PatienceWithAll = TimeSpan.FromSeconds(5);

    private readonly string _source;
    private readonly Regex _regex;

    /// <exception cref="InputException">The expression is invalid or uses an unsupported construct.</exception>
    public RegexPattern(string source)
    {
        _source = source;
        var translated = RegexTranslation.ToNet(source);
        try
        {
            // The automaton runs in linear time; it lacks look-around, which the backtracking engine supports.
            _regex = new Regex(translated, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Patience);
        }
        catch (NotSupportedException)
        {
            _regex = new Regex(translated, RegexOptions.CultureInvariant | RegexOptions.Compiled, Patience);
        }
        catch (ArgumentException e)
        {
            throw new InputException($"the regular expression {source} is not valid ({e.Message}).", e);
        }
    }

    public void Find(string text, int start, int end, List<(int Start, int End)> matches)
    {
        var piece = text.AsSpan(start, end - start);
        var (searched, places) = piece.IndexOfAnyInRange('\uD800', '\uDFFF') < 0 ? (null, null) : Flatten(piece);
        try
        {
            var (began, longest) = (Stopwatch.GetTimestamp(), PatienceWithAll + TimeSpan.FromMicroseconds(piece.Length));
            foreach (var match in _regex.EnumerateMatches(searched is null ? piece : searched))
            {
                if (Stopwatch.GetElapsedTime(began) > longest)
                    throw new RegexMatchTimeoutException(piece.Length.ToString(CultureInfo.InvariantCulture), _source, longest);
                var (from, to) = (match.Index, match.Index + match.Length);
                if (places is not null) (from, to) = (places[from], places[to]);
                if (from < to) matches.Add((start + from, start + to));
            }
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new InputException(
                $"the tokenizer's regular expression {_source} exceeded its time limit on {piece.Length} characters.", e);
        }
    }

    private static (string Text, int[] Offsets) Flatten(ReadOnlySpan<char> text)
    {
        var flat = new StringBuilder(text.Length);
        var places = new List<int>(text.Length + 1);
        for (var i = 0; i < text.Length;)
        {
            places.Add(i);
            var scalar = Characters.At(text, i, out var length);
            flat.Append(length == 1 ? text[i] : StandIn(scalar));
            i += length;
        }
        places.Add(text.Length);
        return (flat.ToString(), [.. places]);
    }

    internal static char StandIn(int scalar) => scalar is >= 0x20000 and < 0x40000
        ? HanStandIn : StandIns[(int)CharUnicodeInfo.GetUnicodeCategory(scalar)];
}

/// <summary>Translates Oniguruma's syntax to .NET's.</summary>
internal static class RegexTranslation
{
    private static readonly Dictionary<string, string> Properties = new()
    {
        ["Letter"] = @"\p{L}",
        ["Number"] = @"\p{N}",
        ["Punctuation"] = @"\p{P}",
        ["Symbol"] = @"\p{S}",
        ["Mark"] = @"\p{M}",
        ["Han"] = @"\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u3005\u3007\u3021-\u3029\u3038-\u303B\u3400-\u4DBF\u4E00-\u9FFF"
            + @"\uF900-\uFA6D\uFA70-\uFAD9",
        ["Hiragana"] = @"\u3041-\u3096\u309D-\u309F",
        ["Katakana"] = @"\u30A1-\u30FA\u30FD-\u30FF\u31F0-\u31FF\u32D0-\u32FE\u3300-\u3357\uFF66-\uFF6F\uFF71-\uFF9D",
        ["Hangul"] = @"\u1100-\u11FF\u302E\u302F\u3131-\u318E\u3200-\u321E\u3260-\u327E\uA960-\uA97C"
            + @"\uAC00-\uD7A3\uD7B0-\uD7C6\uD7CB-\uD7FB\uFFA0-\uFFBE\uFFC2-\uFFC7\uFFCA-\uFFCF\uFFD2-\uFFD7\uFFDA-\uFFDC",
    };

    public static string ToNet(string source)
    {
        if (source.Any(char.IsSurrogate)) throw Unsupported(source, "characters beyond U+FFFF");
        var result = new StringBuilder();
        var groups = new Stack<int>();
        var atom = 0;
        for (var i = 0; i < source.Length;)
        {
            var c = source[i];
            if (c is '+' or '*' or '?' or '{' && result.Length > 0 && Quantifier(source, i) is > 0 and var length)
            {
                result.Append(source, i, length);
                i += length;
                if (i < source.Length && source[i] == '+')
                {
                    // X++ is possessive (matches greedily without backtracking): an atomic group.
                    result.Insert(atom, "(?>").Append(')');
                    i++;
                }
                else if (i < source.Length && source[i] == '?')
                {
                    result.Append(source[i++]);
                }
                continue;
            }
            if (c == ')' && groups.Count > 0)
            {
                atom = groups.Pop();
                result.Append(c);
                i++;
                continue;
            }
            atom = result.Length;
            if (c == '(')
            {
                groups.Push(atom);
                var head = GroupHead(source, i);
                result.Append(source, i, head);
                i += head;
            }
            else if (c == '[')
            {
                i = Class(source, i, result);
            }
            else if (c == '\\')
            {
                i = Escape(source, i, result, inClass: false);
            }
            else
            {
                result.Append(c);
                i++;
            }
        }
        return result.ToString();
    }

    private static int Quantifier(string source, int at)
    {
        if (source[at] != '{') return 1;
        var end = source.IndexOf('}', at);
        return end > at + 1 && source[(at + 1)..end].All(c => char.IsAsciiDigit(c) || c == ',') ? end - at + 1 : 0;
    }

    private static int GroupHead(string source, int at)
    {
        if (at + 1 >= source.Length || source[at + 1] != '?') return 1;
        var end = at + 2;
        while (end < source.Length && (char.IsLetter(source[end]) || source[end] is '-' or '<')) end++;
        return end < source.Length ? end - at + 1 : throw Unsupported(source, "an unclosed group");
    }

    private static int Class(string source, int at, StringBuilder result)
    {
        result.Append(source[at++]);
        if (at < source.Length && source[at] == '^') result.Append(source[at++]);
        for (var first = true; at < source.Length; first = false)
        {
            var c = source[at];
            if (c == ']' && !first) break;
            if (c == '[' || (c == '&' && at + 1 < source.Length && source[at + 1] == '&'))
                throw Unsupported(source, "a character class inside another or an intersection of classes");
            if (c == '\\')
            {
                at = Escape(source, at, result, inClass: true);
                continue;
            }
            result.Append(c);
            at++;
        }
        if (at >= source.Length) throw Unsupported(source, "an unclosed character class");
        result.Append(']');
        return at + 1;
    }

    private static int Escape(string source, int at, StringBuilder result, bool inClass)
    {
        if (at + 1 >= source.Length) throw Unsupported(source, "a trailing backslash");
        var kind = source[at + 1];
        var braced = at + 2 < source.Length && source[at + 2] == '{' ? source.IndexOf('}', at) : -1;
        if (kind is 'p' or 'P' && braced > 0)
        {
            var name = source[(at + 3)..braced];
            var negated = (kind == 'P') ^ name.StartsWith('^');
            name = name.TrimStart('^');
            var letter = negated ? @"\P" : @"\p";
            if (!Properties.TryGetValue(name, out var meaning)) result.Append(letter).Append('{').Append(name).Append('}');
            else if (meaning[0] == '\\' && meaning[1] == 'p') result.Append(letter).Append(meaning, 2, meaning.Length - 2);
            else if (!inClass) result.Append(negated ? "[^" : "[").Append(meaning).Append(']');
            else if (!negated) result.Append(meaning);
            else throw Unsupported(source, $@"\P{{{name}}} inside a character class");
            return braced + 1;
        }
        if (kind == 'x' && braced > 0)
        {
            var digits = source.AsSpan(at + 3, braced - at - 3);
            if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, null, out var code) || code > 0xFFFF)
                throw Unsupported(source, "characters beyond U+FFFF");
            result.Append(CultureInfo.InvariantCulture, $"\\u{code:X4}");
            return braced + 1;
        }
        if (kind is 'R' or 'X' or 'K' or 'G' or 'h' or 'H' or 'Q') throw Unsupported(source, $@"\{kind}");
        result.Append(source, at, 2);
        return at + 2;
    }

    private static InputException Unsupported(string source, string what) =>
        new($"the regular expression {source} uses {what}, which is not supported.");
}
