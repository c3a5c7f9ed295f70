using System.Globalization;
using AlpacaCot.Evaluation.Statistics;
using AlpacaCot.Studies.Analysis;

namespace AlpacaCot.Studies.Report;

/// <summary>Language and number formats of a report.</summary>
/// <param name="Language"><c>en</c> or <c>zh</c>.</param>
/// <param name="Findings">The findings in that language.</param>
internal sealed record Words(string Language, Findings Findings)
{
    public bool Chinese => Language == "zh";

    /// <summary>Chooses the text in the report's language.</summary>
    public string Say(string english, string chinese) => Chinese ? chinese : english;

    /// <summary>Column heading of a measure.</summary>
    public string Head(Measure measure)
    {
        var name = Findings.Called(measure);
        return char.ToUpperInvariant(name[0]) + name[1..];
    }

    public string Verdict(ComparisonVerdict verdict) => verdict switch
    {
        Analysis.ComparisonVerdict.Different => Say("different", "有差别"),
        Analysis.ComparisonVerdict.Unchanged => Say("unchanged", "无变化"),
        _ => Say("open", "未定"),
    };

    /// <summary>Formats points with one decimal.</summary>
    public static string Points(double? value) => value is { } points ? points.ToString("0.0", CultureInfo.InvariantCulture)
        : "–";

    /// <summary>Formats a difference with its sign.</summary>
    public static string Signed(double value) => value.ToString("+0.0;−0.0;0.0", CultureInfo.InvariantCulture);

    public static string Interval(ConfidenceInterval? interval) => interval is { } i && double.IsFinite(i.Low)
        ? $"[{Minus(i.Low)}, {Minus(i.High)}]" : "–";

    /// <summary>Formats 1234567 as 1.23M.</summary>
    public static string Count(double value) => value switch
    {
        >= 1e9 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e9:0.##}B"),
        >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e6:0.##}M"),
        >= 1e4 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e3:0}k"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value:0}"),
    };

    public static string Seconds(double seconds) => seconds < 120 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s")
        : seconds < 7200 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.0} min")
        : string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0.0} h");

    private static string Minus(double value) => value.ToString("0.0;−0.0;0.0", CultureInfo.InvariantCulture);
}
