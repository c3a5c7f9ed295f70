using System.Text.RegularExpressions;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>
/// Tokenization for n-gram metrics. Characters of scripts without spaces are tokens of their own.
/// </summary>
public static partial class MetricTokens
{
    /// <summary>
    /// Tokens of ROUGE (rouge_score): runs of a-z and 0-9 in lower case, optionally stemmed; everything else separates.
    /// Extension: every Chinese, Japanese or Korean character is a token; the reference ignores all other scripts.
    /// </summary>
    public static IReadOnlyList<string> Rouge(string text, bool stems = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. RougeToken.Matches(text.ToLowerInvariant())
            .Select(m => stems && m.Length > 3 ? PorterStemmer.Stem(m.Value) : m.Value)];
    }

    /// <summary>
    /// Tokens of BLEU: mteval-v13a or, for a text with Chinese characters, sacrebleu's <c>zh</c>, which separates each of
    /// them.
    /// </summary>
    public static IReadOnlyList<string> Bleu(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var line = text.Trim();
        if (Chinese.IsMatch(line)) line = Chinese.Replace(line, " $0 ");
        else
        {
            line = line.Replace("<skipped>", "", StringComparison.Ordinal).Replace("-\n", "", StringComparison.Ordinal)
                .Replace('\n', ' ').Replace("&quot;", "\"", StringComparison.Ordinal)
                .Replace("&amp;", "&", StringComparison.Ordinal)
                .Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal);
            line = $" {line} ";
        }
        line = Punctuation.Replace(line, " $1 ");
        line = PointBehindNoDigit.Replace(line, "$1 $2 ");
        line = PointBeforeNoDigit.Replace(line, " $1 $2");
        line = DashBehindDigit.Replace(line, "$1 $2 ");
        return line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Words, and single characters of scripts without spaces; used for lengths and repetition.</summary>
    public static IReadOnlyList<string> Words(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. Word.Matches(text.ToLowerInvariant()).Select(m => m.Value)];
    }

    private const string Unspaced = @"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af";

    [GeneratedRegex($"[a-z0-9]+|[{Unspaced}]|[\ud840-\ud87f][\udc00-\udfff]")]
    private static partial Regex RougeToken { get; }

    // Blocks that sacrebleu's zh tokenizer treats as Chinese: characters, radicals, strokes, full-width forms, punctuation.
    [GeneratedRegex(@"[\u3400-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\uff00-\uffef\u2e80-\u2eff\u3000-\u303f"
        + @"\u31c0-\u31ef\u2f00-\u2fdf\u2ff0-\u2fff\u3100-\u312f\u31a0-\u31bf\ufe10-\ufe1f\ufe30-\ufe4f\u2600-\u26ff\u2700-\u27bf"
        + @"\u3200-\u32ff\u3300-\u33ff]")]
    private static partial Regex Chinese { get; }

    [GeneratedRegex(@"([\{-~\[-` -&\(-\+:-@/])")]
    private static partial Regex Punctuation { get; }

    [GeneratedRegex(@"([^0-9])([\.,])")]
    private static partial Regex PointBehindNoDigit { get; }

    [GeneratedRegex(@"([\.,])([^0-9])")]
    private static partial Regex PointBeforeNoDigit { get; }

    [GeneratedRegex(@"([0-9])(-)")]
    private static partial Regex DashBehindDigit { get; }

    [GeneratedRegex($@"[{Unspaced}]|[\w-[{Unspaced}]]+")]
    private static partial Regex Word { get; }
}
