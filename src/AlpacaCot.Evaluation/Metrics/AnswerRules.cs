using System.Text.RegularExpressions;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>
/// Answer extraction rules of published results, reproduced exactly for comparable scores.
/// </summary>
public static partial class AnswerRules
{
    /// <summary>
    /// The first option letter of a text (Kojima et al., 2022): any capital from A to <paramref name="last"/>, even at the start
    /// of a word. The text is the part after "the answer is".
    /// </summary>
    /// <returns>The letter; empty if there is none.</returns>
    public static string FirstLetter(string text, char last)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.AsSpan().IndexOfAnyInRange('A', last);
        return at < 0 ? "" : text[at].ToString();
    }

    /// <summary>
    /// The first number of a text as written, without commas (Kojima et al., 2022); empty if there is none.
    /// </summary>
    public static string FirstNumber(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return SignedNumber.Match(text.Replace(",", "", StringComparison.Ordinal)).Value.TrimEnd('.');
    }

    /// <summary>The first word that is yes or no (Kojima et al., 2022); empty if there is none.</summary>
    public static string FirstYesOrNo(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Array.Find(text.ToLowerInvariant().Split(Separators), word => word is "yes" or "no") ?? "";
    }

    /// <summary>
    /// The text after the last "the answer is", without a final period, else the whole text (BIG-Bench Hard, Suzgun et al., 2022;
    /// compared exactly with the target).
    /// </summary>
    public static string AfterTheAnswerIs(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        const string mark = "he answer is ";
        var at = text.LastIndexOf(mark, StringComparison.Ordinal);
        var answer = (at < 0 ? text : text[(at + mark.Length)..]).Trim();
        return answer.EndsWith('.') ? answer[..^1] : answer;
    }

    /// <summary>
    /// MMCU's rule (Zeng, 2023): the first run of one to four distinct letters A to D, in alphabetical order; null if there is
    /// none, which the publisher counts as unanswered.
    /// </summary>
    public static string? LetterSet(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var narrow = Widths.Narrow(text);
        var at = narrow.AsSpan().IndexOfAnyInRange('A', 'D');
        if (at < 0) return null;
        var end = at;
        while (end < narrow.Length && end - at < 4 && narrow[end] is >= 'A' and <= 'D'
            && !narrow.AsSpan(at, end - at).Contains(narrow[end]))
            end++;
        return string.Concat(narrow[at..end].Order());
    }

    /// <summary>
    /// The option letter chosen by a text's first answer: after a conclusion ("the answer is (B)", 答案是B, 选B), else at the
    /// beginning, else in parentheses, else the only letter that is a separate word; null if none of these matches. The article
    /// of "A dog" is no letter.
    /// </summary>
    /// <param name="text">The answer.</param>
    /// <param name="last">The last valid letter.</param>
    public static string? ChosenLetter(string text, char last = 'D')
    {
        ArgumentNullException.ThrowIfNull(text);
        var whole = Widths.Narrow(text);
        var first = FirstAnswer.Of(whole);
        return Letter(first, last) ?? (first.Length < whole.Length ? Letter(whole, last) : null);
    }

    private static string? Letter(string narrow, char last)
    {
        if (ConcludedLetter.Matches(narrow).LastOrDefault(m => Fits(m, last) is not null) is { } concluded)
            return Fits(concluded, last);
        if (Fits(OpeningLetter.Match(narrow), last) is { } opening) return opening;
        if (InParentheses.Matches(narrow).LastOrDefault(m => Fits(m, last) is not null) is { } inside) return Fits(inside, last);
        var alone = AloneLetter.Matches(narrow).Select(m => Fits(m, last)).Where(l => l is not null).Distinct().ToList();
        return alone.Count == 1 ? alone[0] : null;

        static string? FitsLetter(string letter, char last) => letter[0] <= last ? letter : null;
        static string? Fits(Match? match, char last) =>
            match is { Success: true } ? FitsLetter(match.Groups["l"].Value, last) : null;
    }

    private static readonly char[] Separators = ['"', '\'', '\n', '.', ' ', '\t', '\r', '\f', '\v', ':', ','];

    [GeneratedRegex(@"-?[0-9]+\.?[0-9]*")]
    private static partial Regex SignedNumber { get; }

    [GeneratedRegex(@"(?:\b[Aa]nswer(?:\s+is|\s*:)|答案(?:是|为|选|:)|正确(?:选项|答案)(?:是|为|:)|故?选|应选)"
        + @"[\s:*]*[（(]?(?<l>[A-Z])(?![A-Za-z])")]
    private static partial Regex ConcludedLetter { get; }

    [GeneratedRegex(@"^\s*[（(]?(?<l>[A-Z])(?![A-Za-z'])(?!(?<=A)\s(?!(?:is|was|because|as|since|and|but)\b)[a-z])")]
    private static partial Regex OpeningLetter { get; }

    [GeneratedRegex(@"[（(](?<l>[A-Z])[)）]")]
    private static partial Regex InParentheses { get; }

    [GeneratedRegex(@"(?<![A-Za-z'])(?<l>[A-Z])(?![A-Za-z'])(?!(?<=A)\s(?!(?:is|was|because|as|since|and|but|looks)\b)[a-z])")]
    private static partial Regex AloneLetter { get; }
}
