using System.Text;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Strings indexed by Unicode code points as in Python, instead of UTF-16 units.</summary>
internal static class CodePoints
{
    public static int Count(ReadOnlySpan<char> text) => text.Length - Pairs(text);

    public static List<object?> Each(string text, Budget budget)
    {
        budget.SpendItems(text.Length);
        var each = new List<object?>(text.Length);
        for (var at = 0; at < text.Length; at += Width(text, at)) each.Add(text.Substring(at, Width(text, at)));
        return each;
    }

    /// <summary>UTF-16 index of a code point.</summary>
    public static int Offset(string text, int number)
    {
        if (Pairs(text) == 0) return Math.Min(number, text.Length);
        var at = 0;
        for (; number > 0 && at < text.Length; number--) at += Width(text, at);
        return at;
    }

    /// <summary>Number of surrogate pairs.</summary>
    private static int Pairs(ReadOnlySpan<char> text)
    {
        var pairs = 0;
        while (text.IndexOfAnyInRange('\uD800', '\uDBFF') is >= 0 and var at)
        {
            if (at + 1 < text.Length && char.IsLowSurrogate(text[at + 1])) pairs++;
            text = text[(at + 1)..];
        }
        return pairs;
    }

    private static int Width(string text, int at) =>
        char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;

    public static string Reversed(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var at = text.Length; at > 0;)
        {
            at -= at > 1 && char.IsLowSurrogate(text[at - 1]) && char.IsHighSurrogate(text[at - 2]) ? 2 : 1;
            result.Append(text, at, Width(text, at));
        }
        return result.ToString();
    }
}
