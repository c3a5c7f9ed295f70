using System.Text.RegularExpressions;

namespace AlpacaCot.Data.Collection;

/// <summary>Splits the output of a reasoning record into rationale and answer.</summary>
public static partial class CotAnswer
{
    /// <summary>
    /// Splits an output. Templates that may have produced it are tried first; if several match, the one whose fixed text ends
    /// last wins, then the one with the longest fixed text. Without a match, the answer starts after the last sentence with
    /// "the answer is" (English or Chinese), the last <c>####</c> or the last <c>\boxed{}</c>.
    /// </summary>
    /// <param name="output">A model's output or a training target.</param>
    /// <param name="templates">Templates the output may have been made with; null if unknown.</param>
    /// <returns>Rationale and answer; null if no marker separates them.</returns>
    public static CotParts? Split(string output, CotTemplates? templates = null)
    {
        CotParts? best = null;
        foreach (var template in templates?.All ?? [])
            if (template.TrySplit(output, out var parts) && (best is null || parts.Answer.Length < best.Answer.Length
                || (parts.Answer.Length == best.Answer.Length && parts.Rationale.Length < best.Rationale.Length)))
                best = parts;
        return best ?? ByWords(output);
    }

    private static CotParts? ByWords(string output)
    {
        var text = output.TrimEnd();
        if (Boxed().Match(text) is { Success: true } boxed)
            return new(text[..boxed.Index].TrimEnd('$', ' ', '\n'), boxed.Groups[1].Value.Trim());
        if (Marker().Match(text) is not { Success: true } marker) return null;
        var answer = text[(marker.Index + marker.Length)..].Trim();
        // Only the sentence's full stop is removed; a second one belongs to the answer, as in "U.S..".
        if (answer is [.., '.' or '。' or '．']) answer = answer[..^1].TrimEnd();
        return answer.Length == 0 ? null : new(text[..marker.Index].Trim(), answer);
    }

    [GeneratedRegex("""
        (?: (?<= ^ | [\s.!?,;:。！？，；：)\]] ) (?: (?: so | thus | hence | therefore | that \s makes | result ) [,:]? \s+ )?
              (?: the \s+ )? (?: final \s+ | correct \s+ | right \s+ )? answer
              (?: \s* : | \s+ is \s* :? | (?<= makes \s the \s answer) \s ) \s*
          | (?: (?: 所以 | 因此 | 故 | 综上 ) [，,：:]? \s* )? (?: 正确 | 最终 )? 的? 答案 \s* (?: 是 | 为 | ： | : )+ \s*
          | \#{4} \s*
        )
        """, RegexOptions.IgnoreCase | RegexOptions.RightToLeft | RegexOptions.IgnorePatternWhitespace
            | RegexOptions.CultureInvariant)]
    private static partial Regex Marker();

    [GeneratedRegex("""\\boxed\{([^{}]*)\}""", RegexOptions.RightToLeft)]
    private static partial Regex Boxed();
}
