using System.Globalization;
using System.Text.RegularExpressions;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>
/// The format of a judge's verdict. A reply without exactly one such verdict is a problem, never a grade: values are not
/// clamped to the range and not guessed.
/// </summary>
/// <param name="Low">The lowest grade; for comparisons 0.</param>
/// <param name="High">The highest grade; for comparisons 1.</param>
/// <param name="IsComparison">Whether the verdict is A, B or C (equal) rather than a number.</param>
public sealed partial record GradeForm(double Low, double High, bool IsComparison = false)
{
    /// <summary>Grades from 1 to 10, as MT-Bench.</summary>
    public static readonly GradeForm OneToTen = new(1, 10);

    /// <summary>Grades from 0 to 1, as Belle-eval.</summary>
    public static readonly GradeForm ZeroToOne = new(0, 1);

    /// <summary>A is better (1), B is better (0), or neither (0.5).</summary>
    public static readonly GradeForm Comparison = new(0, 1, IsComparison: true);

    /// <summary>Reads a verdict.</summary>
    /// <param name="reply">The judge's reply.</param>
    /// <param name="grade">The grade, from <see cref="Low"/> to <see cref="High"/>.</param>
    /// <param name="problem">The reason where the reply has no valid verdict.</param>
    public bool TryRead(string reply, out double grade, out string problem)
    {
        grade = double.NaN;
        var text = Widths.Narrow(reply);
        if (IsComparison)
        {
            var verdicts = Verdict.Matches(text).Select(m => m.Groups[1].Value).Distinct().ToList();
            problem = verdicts.Count == 0 ? "no verdict [[A]], [[B]] or [[C]]" : "several different verdicts";
            if (verdicts.Count != 1) return false;
            grade = verdicts[0] switch { "A" => 1, "B" => 0, _ => 0.5 };
            return true;
        }
        var numbers = Bracketed.Matches(text).Select(m => m.Groups[1].Value).Distinct().ToList();
        if (numbers.Count == 0) numbers = [.. Labelled.Matches(text).Select(m => m.Groups[1].Value).Distinct()];
        problem = numbers.Count == 0 ? "no number" : "several different numbers";
        if (numbers.Count != 1) return false;
        var value = double.Parse(numbers[0], CultureInfo.InvariantCulture);
        problem = string.Create(CultureInfo.InvariantCulture, $"{value} is outside {Low} to {High}");
        if (!(value >= Low && value <= High)) return false;
        grade = value;
        return true;
    }

    [GeneratedRegex(@"\[\[\s*([ABC])\s*\]\]")]
    private static partial Regex Verdict { get; }

    [GeneratedRegex(@"\[\[\s*(-?[0-9]+(?:\.[0-9]+)?)\s*\]\]")]
    private static partial Regex Bracketed { get; }

    // For judges that omit the brackets: "Score: 7", "得分:0.8", with the number at the end of its line or sentence.
    [GeneratedRegex(@"(?:\b(?:score|grade|rating)\s*(?:is|:|=)|(?:得分|分数|评分)\s*(?:是|为|:|=))\s*\**\s*"
        + @"(-?[0-9]+(?:\.[0-9]+)?)(?![0-9%/])", RegexOptions.IgnoreCase)]
    private static partial Regex Labelled { get; }
}

/// <summary>One request to a judge.</summary>
/// <param name="Prompt">The complete prompt.</param>
/// <param name="Form">The format of the verdict.</param>
public sealed record JudgeQuestion(string Prompt, GradeForm Form);
