using System.Buffers;
using System.Net;
using System.Text.RegularExpressions;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Preparation;

/// <summary>
/// A text in the form in which texts are compared: Unicode composed (NFC), HTML entities decoded, Markdown's and HTML's emphasis
/// and headings without their marks, and without invisible characters.
/// </summary>
internal static partial class ComparableText
{
    private static readonly SearchValues<char> Marks = SearchValues.Create("*_~#"),
        InvisibleCharacters = SearchValues.Create("\u00AD\u200B\u200C\u200D\u2060\uFEFF");

    /// <summary>The text to compare; the same object where nothing changes.</summary>
    public static string Of(string text)
    {
        if (text.Contains('&')) text = WebUtility.HtmlDecode(text);
        if (text.Contains('<')) text = Tags().Replace(text, "");
        if (text.AsSpan().ContainsAny(Marks))
        {
            text = Headings().Replace(text, "");
            text = Strong().Replace(text, "${text}");
            text = Emphasis().Replace(text, "${text}");
        }
        if (text.AsSpan().ContainsAny(InvisibleCharacters)) text = Invisible().Replace(text, "");
        return UnicodeText.Composed(text);
    }

    // A delimiter run opens before a character and closes after one, and has no letter or digit at its outer side: 3*4*5 and
    // snake_case_names are no emphasis.
    [GeneratedRegex(@"(?<![\p{L}\p{N}_*~\\])(?<mark>\*\*|__|~~)(?=[^\s*_~])"
        + @"(?<text>[^\n]{0,300}?[^\s\\])\k<mark>(?![\p{L}\p{N}_])",
        RegexOptions.CultureInvariant)]
    private static partial Regex Strong();

    [GeneratedRegex(@"(?<![\p{L}\p{N}_*\\])(?<mark>[*_])(?=[^\s*_])(?<text>[^\n*]{0,300}?[^\s\\])\k<mark>(?![\p{L}\p{N}_])",
        RegexOptions.CultureInvariant)]
    private static partial Regex Emphasis();

    [GeneratedRegex(@"^[ ]{0,3}#{1,6}[ \t]+", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Headings();

    [GeneratedRegex(@"</?(?:b|i|u|em|strong|mark|span|p|br)\s*/?>", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Tags();

    [GeneratedRegex("[\u00AD\u200B-\u200D\u2060\uFEFF]")]
    private static partial Regex Invisible();
}
