using System.Text.RegularExpressions;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// Exact-match scoring. If the reference concludes with "The answer is N" or "答案是N", only N is compared and the reasoning is
/// ignored; otherwise the whole text is compared.
/// </summary>
public static partial class ExactMatch
{
    /// <summary>Compares an answer with its reference.</summary>
    /// <param name="answer">The model's answer.</param>
    /// <param name="reference">
    /// The reference. If it concludes with a number, the last number that the first answer concludes with must be equal, and an
    /// answer without one is wrong. Otherwise the texts must be equal up to case, white space and one final period.
    /// </param>
    public static bool IsRight(string answer, string reference)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(reference);
        var first = FirstAnswer.Of(answer);
        return Conclusion(reference) is { } number
            ? Conclusion(first) is { } concluded && NumericAnswer.AreEqual(concluded, number)
            : IsSame(answer, reference) || IsSame(first, reference);
    }

    [GeneratedRegex(@"(?:the\s+answer\s+is|答案是)[\s:：]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Concluding { get; }

    private static string? Conclusion(string text)
    {
        var narrow = Widths.Narrow(text);
        return NumericAnswer.After(Concluding.Matches(narrow), narrow);
    }

    private static bool IsSame(string answer, string reference) =>
        Comparable(answer).Equals(Comparable(reference), StringComparison.OrdinalIgnoreCase);

    private static string Comparable(string text)
    {
        var collapsed = string.Join(' ', Narrow(text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return collapsed is [.. var sentence, '.' or '。'] ? sentence.TrimEnd() : collapsed;
    }

    // Full-width digits are common in Chinese text.
    private static string Narrow(string text) =>
        string.Create(text.Length, text, (narrow, wide) =>
        {
            for (var i = 0; i < wide.Length; i++)
                narrow[i] = wide[i] is >= '０' and <= '９' ? (char)(wide[i] - '０' + '0') : wide[i];
        });
}
