using System.Globalization;
using System.Text.RegularExpressions;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>Numeric answers: extraction by the published rules, comparison by value.</summary>
public static partial class NumericAnswer
{
    /// <summary>
    /// The number an answer concludes with: after the last <c>####</c> (GSM8K); else after the last conclusion ("the answer is",
    /// "the answer (arabic numerals) is", 答案是, 答案为, 等于 at the end); else in the last <c>\boxed{}</c>; else the last number.
    /// </summary>
    /// <returns>The number with a decimal point and without separators, such as <c>-1234.5</c>; null if there is none.</returns>
    public static string? Extract(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var narrow = Widths.Narrow(text);
        foreach (var rule in (Regex[])[Marked, Concluding, Boxed, Last])
            if (rule.Match(narrow) is { Success: true } match) return Plain(match.Groups["n"].Value);
        return null;
    }

    /// <summary>The number after the last <c>####</c>, GSM8K's format; null if there is none.</summary>
    public static string? AfterMark(string text) =>
        Marked.Match(Widths.Narrow(text)) is { Success: true } match ? Plain(match.Groups["n"].Value) : null;

    /// <summary>Whether two numbers have the same value, such as 5 and 5.00.</summary>
    public static bool AreEqual(string first, string second) =>
        Value(first) is { } a && Value(second) is { } b
            && (a == b || Math.Abs(a - b) <= 1e-9 * Math.Max(Math.Abs(a), Math.Abs(b)));

    private const string Number =
        @"(?<n>[-−]?[$￥¥€£]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|[-−]?[$]?\.[0-9]+)";

    [GeneratedRegex(@"####\s*" + Number, RegexOptions.RightToLeft | RegexOptions.CultureInvariant)]
    private static partial Regex Marked { get; }

    [GeneratedRegex(@"(?:\banswer(?:\s*\([^()]{1,40}\))?(?:\s+is|\s*[:=])|答案(?:是|为|[:：])|结果(?:是|为))[\s:：=*$]*(?:\\boxed\{)?" +
        Number,
        RegexOptions.RightToLeft | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Concluding { get; }

    [GeneratedRegex(@"\\boxed\{\s*" + Number, RegexOptions.RightToLeft | RegexOptions.CultureInvariant)]
    private static partial Regex Boxed { get; }

    // Matching from the left: from the right, "3-2" would contain the number -2.
    [GeneratedRegex(@"(?<![0-9.,])" + Number + @"(?!.*[0-9])", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Last { get; }

    private static string Plain(string number)
    {
        var digits = new string([.. number.Replace('−', '-').Where(c => c is '-' or '.' || char.IsAsciiDigit(c))]);
        return digits.TrimEnd('.');
    }

    private static double? Value(string text) =>
        double.TryParse(Plain(Widths.Narrow(text.Trim())), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value : null;
}
