using System.Globalization;
using System.Text.RegularExpressions;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// Whether an answer is right, decided by comparison alone. Where the reference ends its reasoning with "The answer is N" or
/// "答案是N", N is compared and the way there is free; elsewhere the whole text is.
/// </summary>
public static partial class ExactMatch
{
    /// <summary>Compares one answer with its reference.</summary>
    /// <param name="answer">What a model said.</param>
    /// <param name="reference">
    /// What is right. With a concluding number, the last number that the answer concludes with must equal it, and an answer
    /// without one is wrong. Otherwise the texts must be equal but for case, white space and one final period.
    /// </param>
    public static bool IsRight(string answer, string reference)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(reference);
        return Conclusion(reference) is { } number
            ? Conclusion(answer) == number
            : Comparable(answer).Equals(Comparable(reference), StringComparison.OrdinalIgnoreCase);
    }

    // Read from the right, the first match is the last conclusion.
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

    // Full-width digits, common in Chinese text, are the same digits.
    private static string Narrow(string text) =>
        string.Create(text.Length, text, (narrow, wide) =>
        {
            for (var i = 0; i < wide.Length; i++)
                narrow[i] = wide[i] is >= '０' and <= '９' ? (char)(wide[i] - '０' + '0') : wide[i];
        });
}
