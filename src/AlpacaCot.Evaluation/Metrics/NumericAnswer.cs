using System.Globalization;
using System.Text.RegularExpressions;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>Numeric answers: extraction by the published rules, comparison by value.</summary>
public static partial class NumericAnswer
{
    /// <summary>
    /// The number that a text's first answer concludes with: after the first <c>####</c> (GSM8K); else after the last conclusion
    /// ("the answer is", "the answer (arabic numerals) is", 答案是, 答案为); else in the last <c>\boxed{}</c>; else the last number.
    /// A question that the model asks itself afterwards, and its answer, do not count.
    /// </summary>
    /// <returns>
    /// The number with a decimal point and without separators, such as <c>-1234.5</c>; fractions, powers and number words such as
    /// "million" are computed. Null if there is no number.
    /// </returns>
    public static string? Extract(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var whole = Widths.Narrow(text);
        var first = FirstAnswer.Of(whole);
        return Concluded(first) ?? (first.Length < whole.Length ? Concluded(whole) : null);
    }

    /// <summary>The number after the last <c>####</c>, GSM8K's format; null if there is none.</summary>
    public static string? AfterMark(string text)
    {
        var narrow = Widths.Narrow(text);
        return After(Mark.Matches(narrow), narrow);
    }

    /// <summary>Whether two numbers have the same value, such as 5 and 5.00, or 1/2 and 0.5.</summary>
    public static bool AreEqual(string first, string second) =>
        Value(first) is { } a && Value(second) is { } b
            && (a == b || Math.Abs(a - b) <= 1e-9 * Math.Max(Math.Abs(a), Math.Abs(b)));

    /// <summary>Whether a text is one number, such as <c>1,000</c>, <c>1/2</c>, <c>50%</c> or <c>1.5 million</c>.</summary>
    internal static bool IsNumber(string text)
    {
        var narrow = Widths.Narrow(text.Trim()).TrimEnd('%', ' ');
        return At(narrow, 0) is { } number && number.End == narrow.Length;
    }

    /// <summary>The number after the last of several conclusions that a number follows; null if there is none.</summary>
    internal static string? After(IEnumerable<Match> conclusions, string text) =>
        conclusions.Select(conclusion => At(text, conclusion.Index + conclusion.Length))
            .LastOrDefault(n => n is not null)?.Number;

    private static string? Concluded(string text) =>
        After(Mark.Matches(text).Take(1), text) ?? After(Concluding.Matches(text), text) ?? After(Boxed.Matches(text), text)
        ?? Last(text);

    // From the left: from the right, "3-2" would contain the number -2.
    private static string? Last(string text)
    {
        string? last = null;
        for (var match = Start.Match(text); match.Success;)
        {
            if (At(text, match.Index, spaces: false) is not { } number)
            {
                match = Start.Match(text, match.Index + 1);
                continue;
            }
            last = number.Number;
            match = Start.Match(text, number.End);
        }
        return last;
    }

    /// <summary>Reads the number that begins at a position; after an equation such as "12 + 6 = 18" its result.</summary>
    private static (string Number, int End)? At(string text, int start, bool spaces = true)
    {
        var form = (spaces ? Spaced : Plainly).Match(text, start);
        if (!form.Success) return null;
        var end = form.Index + form.Length;
        if (Equation.Match(text, end) is { Success: true } equation && At(text, equation.Index + equation.Length) is { } result)
            return result;
        return (Computed(form), end);
    }

    private static string Computed(Match form)
    {
        string? Of(string name) => form.Groups[name] is { Success: true } group ? group.Value : null;
        if (Of("n") is { } plain && Of("top") is null && Of("over") is null && Of("power") is null && Of("tens") is null
            && Of("word") is null)
            return (Of("sign") is null ? "" : "-") + Plain(plain);
        var value = Of("n") is { } number ? Parse(number) : 0;
        if (Of("over") is { } over) value /= Parse(over);
        if (Of("top") is { } top) value += Parse(top) / Parse(Of("bottom")!);
        if (Of("power") is { } power) value = Math.Pow(value, Parse(power));
        if (Of("tens") is { } tens) value *= Math.Pow(10, Parse(tens));
        if (Of("word") is { } word) value *= Scale(word);
        if (Of("sign") is not null) value = -value;
        return double.IsFinite(value) ? value.ToString("0.##############", CultureInfo.InvariantCulture) : "";
    }

    private static double Scale(string word) => word.ToLowerInvariant() switch
    {
        "hundred" => 1e2,
        "thousand" or "k" => 1e3,
        "million" or "m" or "百万" => 1e6,
        "billion" or "b" => 1e9,
        "trillion" or "万亿" => 1e12,
        "万" => 1e4,
        "十万" => 1e5,
        "千万" => 1e7,
        _ => 1e8, // 亿
    };

    // 1.234,50 and 1,234.50 are the same number; 1 234 too where a conclusion announces it.
    private const string Digits =
        @"(?:[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}(?![0-9])"
        + @"|(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|SPACED[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)";

    private const string Whole = @"[0-9]+";

    private const string Form = @"\G(?:(?<sign>[-−])|\+)?\s?(?<money>[$￥¥€£])?\s?(?:"
        + @"\\[dt]?frac\{\s*(?<top>" + Whole + @")\s*\}\{\s*(?<bottom>" + Whole + @")\s*\}"
        + @"|(?<n>" + Whole + @")\s+(?<top>" + Whole + @")/(?<bottom>" + Whole + @")(?![0-9/])"
        + @"|(?<n>" + Digits + @")(?:(?<!/[0-9.,]*)\s?/\s?(?<over>[0-9]+(?:\.[0-9]+)?)(?![0-9/]))?"
        + @"(?:\s?(?:\^|\*\*)\s?\{?(?<power>[-−]?[0-9]{1,3})\}?)?"
        + @"(?:\s?(?:[x×*]|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?\{?(?<tens>[-−]?[0-9]{1,3})\}?"
        + @"|[eE](?<tens>[-+]?[0-9]{1,3})(?![0-9A-Za-z]))?"
        + @"(?:[\s-]?(?<word>[Hh]undred|[Tt]housand|[Mm]illion|[Bb]illion|[Tt]rillion)\b|\s?(?<word>万亿|千万|百万|十万|亿|万)"
        + @"|(?(money)(?<word>[kKmMbB])(?![A-Za-z])|(?!)))?)";

    private const string Separated = @"[0-9]{1,3}(?:[ \u00a0\u2009\u202f][0-9]{3})+(?![0-9])|";

    private static readonly Regex Spaced = new(Form.Replace("SPACED", Separated, StringComparison.Ordinal),
        RegexOptions.CultureInvariant | RegexOptions.Compiled);

    private static readonly Regex Plainly = new(
        Form.Replace("SPACED", Separated.Replace("[ ", "[", StringComparison.Ordinal), StringComparison.Ordinal),
        RegexOptions.CultureInvariant | RegexOptions.Compiled);

    [GeneratedRegex(@"####[\s*]*", RegexOptions.CultureInvariant)]
    private static partial Regex Mark { get; }

    [GeneratedRegex(@"(?:\banswer(?:\s*\([^()]{1,40}\))?(?:\s+is|\s*[:=])|答案(?:是|为|[:：])|结果(?:是|为))"
        + @"(?:[\s:：=*]|\$(?![0-9])|\\[(\[]|\babout\b|\bapproximately\b|约)*(?:\\boxed\{\s*)?",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Concluding { get; }

    [GeneratedRegex(@"\\boxed\{\s*", RegexOptions.CultureInvariant)]
    private static partial Regex Boxed { get; }

    [GeneratedRegex(@"(?<![0-9.,])(?:[-−]?[$￥¥€£]?\.?[0-9]|[-−]?\\[dt]?frac\{)", RegexOptions.CultureInvariant)]
    private static partial Regex Start { get; }

    [GeneratedRegex(@"\G(?:\s*[-+*/x×÷]\s*[$￥¥€£]?[0-9][0-9,]*(?:\.[0-9]+)?)*\s*=\s*", RegexOptions.CultureInvariant)]
    private static partial Regex Equation { get; }

    private static string Plain(string number)
    {
        if (European.IsMatch(number)) number = number.Replace(".", "", StringComparison.Ordinal).Replace(',', '.');
        var digits = new string([.. number.Replace('−', '-').Where(c => c is '-' or '.' || char.IsAsciiDigit(c))]);
        return digits.TrimEnd('.');
    }

    [GeneratedRegex(@"^[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}$", RegexOptions.CultureInvariant)]
    private static partial Regex European { get; }

    private static double Parse(string number) => double.Parse(Plain(number), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static double? Value(string text)
    {
        var narrow = Widths.Narrow(text.Trim()).TrimEnd('%', ' ');
        var plain = At(narrow, 0) is { } number && number.End == narrow.Length ? number.Number : Plain(narrow);
        return double.TryParse(plain, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
