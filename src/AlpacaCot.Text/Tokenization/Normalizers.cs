using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Applies several normalizers in order.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<INormalizer> members) : INormalizer
{
    private const int MostGrowth = 32;

    public string Normalize(string text, TextPlace place)
    {
        var most = MostGrowth * (text.Length + 1024L); // replacements that follow each other could grow a text without bound
        foreach (var member in members)
        {
            text = member.Normalize(text, place);
            if (text.Length > most)
                throw new InputException($"The tokenizer's normalizer makes {text.Length} characters of "
                    + $"{most / MostGrowth - 1024}; at " +
                    $"most {MostGrowth} times as many are supported.");
        }
        return text;
    }
}

/// <summary>A normalizer that ignores the position of the text.</summary>
internal sealed class TextFunction(Func<string, string> function) : INormalizer
{
    public string Normalize(string text, TextPlace place) => function(text);
}

/// <summary>Prepends a fixed string to every non-empty run of text.</summary>
internal sealed class Prepend(string prefix) : INormalizer
{
    public string Normalize(string text, TextPlace place) =>
        text.Length == 0 || place == TextPlace.Continuation ? text : prefix + text;
}

/// <summary>The simple normalizers of <c>tokenizer.json</c> as functions.</summary>
internal static class TextFunctions
{
    public static string Replace(string text, ITextPattern pattern, string content)
    {
        if (pattern is LiteralPattern { Wanted: { Length: > 0 } wanted })
            return text.Replace(wanted, content, StringComparison.Ordinal);
        var matches = new List<(int Start, int End)>();
        pattern.Find(text, 0, text.Length, matches);
        if (matches.Count == 0) return text;
        var result = new StringBuilder(text.Length);
        var done = 0;
        foreach (var (start, end) in matches)
        {
            result.Append(text, done, start - done).Append(content);
            done = end;
        }
        return result.Append(text, done, text.Length - done).ToString();
    }

    public static string Strip(string text, bool left, bool right)
    {
        if (left) text = text.TrimStart();
        return right ? text.TrimEnd() : text;
    }

    public static string StripAccents(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark) result.Append(rune.ToString());
        }
        return result.ToString();
    }

    /// <summary>
    /// Applies a precompiled character map like Hugging Face: short grapheme clusters as a whole by the shortest matching rule,
    /// else character by character.
    /// </summary>
    public static string Precompiled(string text, CharsMap map)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(text, i);
            var cluster = text.AsSpan(i, length);
            i += length;
            if (Encoding.UTF8.GetByteCount(cluster) < 6 && map.TryMapShortest(cluster, out var whole))
            {
                result.Append(whole);
                continue;
            }
            for (var j = 0; j < cluster.Length;)
            {
                Characters.At(cluster, j, out var width);
                var character = cluster.Slice(j, width);
                if (map.TryMapShortest(character, out var mapped)) result.Append(mapped);
                else result.Append(character);
                j += width;
            }
        }
        return result.ToString();
    }
}
