using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Configuration;

/// <summary>The numbers of files and command lines: ASCII digits, a decimal point, no separators.</summary>
public static partial class Numbers
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>The whole number that a text is; null where it is none, or too large.</summary>
    public static int? Whole(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, Culture, out var value) ? value : null;

    /// <summary>The finite number that a text is; null where it is none, or infinite.</summary>
    public static double? Real(string text) =>
        double.TryParse(text, NumberStyles.Float, Culture, out var value) && double.IsFinite(value) ? value : null;

    /// <summary>
    /// The right spelling of a text that means a number, such as <c>0.7</c> for <c>0,7</c> and <c>1000</c> for <c>1e3</c>; null
    /// where the number is spelled right, or the meaning is not certain.
    /// </summary>
    /// <param name="text">The text that was refused.</param>
    /// <param name="whole">Whether a whole number is asked for.</param>
    public static string? Respelled(string text, bool whole)
    {
        var plain = string.Concat(text.Trim().EnumerateRunes().Select(Ascii));
        var number = Grouped().IsMatch(plain) && (whole || plain.Count(c => c == ',') > 1 || plain.Contains('_'))
            ? Real(string.Concat(plain.Where(c => c is not (',' or '_'))))
            : DecimalComma().IsMatch(plain) ? Real(plain.Replace(',', '.'))
            : Percent().Match(plain) is { Success: true } percent && !whole ? Real(percent.Groups[1].Value) / 100
            : Unit().Match(plain) is { Success: true } unit
                ? Real(unit.Groups[1].Value) * (char.ToLowerInvariant(plain[^1]) == 'k' ? 1e3 : 1e6)
            : Real(plain);
        if (number is not { } value || whole && (value != Math.Truncate(value) || Math.Abs(value) > int.MaxValue)) return null;
        var right = whole ? ((int)value).ToString(Culture) : Yaml.Number(value);
        return right == text || (whole ? Whole(text) : Real(text)) is not null ? null : right;
    }

    // Full-width and other digits, and the minus signs and points of other keyboards.
    private static string Ascii(Rune c) => c.Value switch
    {
        0x2212 or 0xFF0D or 0x2013 => "-",
        0xFF0E => ".",
        0xFF0C => ",",
        0xFF05 => "%",
        0xFF0B => "+",
        _ when Rune.GetUnicodeCategory(c) == UnicodeCategory.DecimalDigitNumber
            => ((int)Rune.GetNumericValue(c)).ToString(Culture),
        _ => c.ToString(),
    };

    [GeneratedRegex(@"^[+-]?\d{1,3}([,_]\d{3})+$")]
    private static partial Regex Grouped();

    [GeneratedRegex(@"^[+-]?\d*,\d+(e[+-]?\d+)?$", RegexOptions.IgnoreCase)]
    private static partial Regex DecimalComma();

    [GeneratedRegex(@"^([+-]?[\d.]+) ?%$")]
    private static partial Regex Percent();

    [GeneratedRegex(@"^([+-]?[\d.]+) ?[kKmM]$")]
    private static partial Regex Unit();
}
