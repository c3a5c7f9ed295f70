using System.Globalization;
using System.Text.RegularExpressions;

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
    /// The reference. If it concludes with a number, the last number that the answer concludes with must be equal, and an answer
    /// without one is wrong. Otherwise the texts must be equal up to case, white space and one final period.
    /// </param>
    public static bool IsRight(string answer, string reference)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(reference);
        return Conclusion(reference) is { } number
            ? Conclusion(answer) == number
            : Comparable(answer).Equals(Comparable(reference), StringComparison.OrdinalIgnoreCase);
    }

    // Matching from the right, the first match is the last conclusion.
    [GeneratedRegex(@"(?:the\s+answer\s+is|答案是)[\s:：]*(?<number>[-−]?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.RightToLeft)]
    private static partial Regex Concluding { get; }

    private static decimal? Conclusion(string text) =>
        Concluding.Match(Narrow(text)) is { Success: true } match
        && decimal.TryParse(match.Groups["number"].Value.Replace('−', '-'), NumberStyles.Number, CultureInfo.InvariantCulture,
            out var number)
            ? number : null;

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
