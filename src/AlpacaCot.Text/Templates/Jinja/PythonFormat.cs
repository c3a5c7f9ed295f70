using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Python's string formatting: the % operator and <c>str.format</c>.</summary>
internal static class PythonFormat
{
    /// <summary>A parsed format specification.</summary>
    private sealed record Layout(string Flags, int Width, int Precision, char Type, char Fill = ' ', char Align = '\0',
        bool Groups = false);

    private const int MaxWidth = 10_000;

    public static string Percent(string format, IReadOnlyList<object?> values, Dict? named, Budget budget)
    {
        var (text, next) = (new StringBuilder(), 0);
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] != '%')
            {
                text.Append(format[at]);
                continue;
            }
            var isNamed = false;
            object? value = null;
            at++;
            if (at < format.Length && format[at] == '(')
            {
                var end = format.IndexOf(')', at);
                if (end < 0 || named is null) throw new JinjaException("the format uses names and requires a dict");
                var key = format[(at + 1)..end];
                if (!named.TryGetValue(key, out value))
                    throw new JinjaException($"the format value '{key}' is missing");
                (isNamed, at) = (true, end + 1);
            }
            var flags = Run(format, ref at, "-+ 0#");
            var width = Number(Run(format, ref at, "0123456789")) ?? 0;
            var precision = -1;
            if (at < format.Length && format[at] == '.')
            {
                at++;
                precision = Number(Run(format, ref at, "0123456789")) ?? 0;
            }
            if (at == format.Length) throw new JinjaException("the format ends with an incomplete % specifier");
            if (format[at] == '%')
            {
                text.Append('%');
                continue;
            }
            if (!isNamed) value = next < values.Count ? values[next++] : throw new JinjaException("not enough format values");
            var align = flags.Contains('-') ? '<' : '>';
            var fill = flags.Contains('0') && align == '>' ? '0' : ' ';
            Add(text, Laid(value, new Layout(flags, width, precision, format[at], fill, align), budget), budget);
        }
        if (next < values.Count && named is null) throw new JinjaException("too many values for the format");
        budget.SpendText(text.Length);
        return text.ToString();
    }

    public static string Braces(string format, Arguments arguments)
    {
        var (text, next, budget) = (new StringBuilder(), 0, arguments.Budget);
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] is '{' or '}' && at + 1 < format.Length && format[at + 1] == format[at]) text.Append(format[at++]);
            else if (format[at] == '{')
            {
                var end = format.IndexOf('}', at);
                if (end < 0) throw new JinjaException("format: unclosed '{'");
                Add(text, Field(format[(at + 1)..end]), budget);
                at = end;
            }
            else if (format[at] == '}') throw new JinjaException("format: single '}'");
            else text.Append(format[at]);
        }
        budget.SpendText(text.Length);
        return text.ToString();

        string Field(string field)
        {
            var colon = field.IndexOf(':');
            var (name, spec) = colon < 0 ? (field, "") : (field[..colon], field[(colon + 1)..]);
            var repr = name.EndsWith("!r", StringComparison.Ordinal);
            if (repr || name.EndsWith("!s", StringComparison.Ordinal)) name = name[..^2];
            object? value;
            if (name.Length == 0 || char.IsAsciiDigit(name[0]))
            {
                var index = name.Length == 0 ? next++ : Number(name) ?? -1;
                value = index >= 0 && index < arguments.Positional.Count ? arguments.Positional[index]
                    : throw new JinjaException("format: not enough values");
            }
            else if (!arguments.Named.TryGetValue(name, out value)) throw new JinjaException($"format: '{name}' is missing");
            if (repr) value = PythonText.Repr(value, budget);
            return spec.Length == 0 ? PythonText.Of(value, budget) : Laid(value, Spec(spec, value), budget);
        }
    }

    private static void Add(StringBuilder text, string part, Budget budget)
    {
        budget.SpendAddition(text.Length, part.Length);
        text.Append(part);
    }

    private static Layout Spec(string spec, object? value)
    {
        var (at, fill, align) = (0, ' ', value is string ? '<' : '>');
        if (spec.Length > 1 && spec[1] is '<' or '>' or '^') (fill, align, at) = (spec[0], spec[1], 2);
        else if (spec[0] is '<' or '>' or '^') (align, at) = (spec[0], 1);
        var flags = Run(spec, ref at, "+- #");
        if (at < spec.Length && spec[at] == '0') (fill, flags, at) = ('0', flags + "0", at + 1);
        var width = Number(Run(spec, ref at, "0123456789")) ?? 0;
        var groups = at < spec.Length && spec[at] == ',';
        if (groups) at++;
        var precision = -1;
        if (at < spec.Length && spec[at] == '.')
        {
            at++;
            precision = Number(Run(spec, ref at, "0123456789")) ?? 0;
        }
        var type = at < spec.Length ? spec[at++] : value is string ? 's' : value is double ? (precision < 0 ? 'r' : 'g') : 'd';
        return at == spec.Length ? new Layout(flags, width, precision, type, fill, align, groups)
            : throw new JinjaException($"format: invalid specification '{spec}'");
    }

    private static string Run(string text, ref int at, string of)
    {
        var start = at;
        while (at < text.Length && of.Contains(text[at])) at++;
        return text[start..at];
    }

    private static int? Number(string digits) => digits.Length == 0 ? null
        : int.TryParse(digits, CultureInfo.InvariantCulture, out var number) && number <= MaxWidth ? number
        : throw new JinjaException($"the width {digits} in a format is too large");

    private static string Laid(object? value, Layout layout, Budget budget)
    {
        budget.SpendText(Math.Max(layout.Width, layout.Precision));
        if (layout.Type is 's' or 'r' or 'a' && !(layout.Type == 'r' && value is double && layout.Align == '>'))
        {
            var plain = layout.Type == 's' ? PythonText.Of(value, budget) : PythonText.Repr(value, budget);
            if (layout.Precision >= 0) plain = plain[..CodePoints.Offset(plain, layout.Precision)];
            return Padded("", plain, layout with { Fill = layout.Fill == '0' ? ' ' : layout.Fill });
        }
        if (value is Undefined missing) throw missing.Error();
        if (Python.Number(value) is not { } number)
            throw new JinjaException($"the format %{layout.Type} requires a number, found a {Python.TypeName(value)}");
        var isNegative = number < 0 || (number == 0 && double.IsNegative(number)
            && layout.Type is not ('d' or 'i' or 'x' or 'X'));
        var sign = isNegative ? "-" : layout.Flags.Contains('+') ? "+" : layout.Flags.Contains(' ') ? " " : "";
        return Padded(sign, Digits(value, number, layout), layout);
    }

    private static string Digits(object? value, double number, Layout layout)
    {
        var size = Math.Abs(number);
        var precision = layout.Precision < 0 ? 6 : layout.Precision;
        var culture = CultureInfo.InvariantCulture;
        Python.IsInteger(value, out var whole);
        if (value is double) whole = size < long.MaxValue ? (long)number : throw new JinjaException("a number is too large");
        var magnitude = whole == long.MinValue ? throw new JinjaException("a number is too large") : Math.Abs(whole);
        return layout.Type switch
        {
            'd' or 'i' or 'u' => magnitude.ToString(layout.Groups ? "N0" : "D" + Math.Max(1, layout.Precision), culture),
            'x' => magnitude.ToString("x", culture),
            'X' => magnitude.ToString("X", culture),
            'f' or 'F' => size.ToString((layout.Groups ? "N" : "F") + precision, culture),
            'e' or 'E' => Exponent(size, precision, layout.Type),
            '%' => (size * 100).ToString("F" + precision, culture) + "%",
            'r' => PythonText.Float(size),
            'g' or 'G' => General(size, Math.Max(1, precision)),
            _ => throw new JinjaException($"unknown format type '{layout.Type}'"),
        };
    }

    private static string Exponent(double size, int precision, char type) =>
        size.ToString($"0{(precision > 0 ? "." + new string('0', precision) : "")}{type}+00", CultureInfo.InvariantCulture);

    private static string General(double size, int precision)
    {
        if (size == 0) return "0";
        var scientific = Exponent(size, precision - 1, 'e');
        var exponent = int.Parse(scientific[(scientific.IndexOf('e') + 1)..], CultureInfo.InvariantCulture);
        if (exponent >= -4 && exponent < precision)
        {
            var fixedPoint = size.ToString("F" + (precision - 1 - exponent), CultureInfo.InvariantCulture);
            return fixedPoint.Contains('.') ? fixedPoint.TrimEnd('0').TrimEnd('.') : fixedPoint;
        }
        var mantissa = scientific[..scientific.IndexOf('e')];
        if (mantissa.Contains('.')) mantissa = mantissa.TrimEnd('0').TrimEnd('.');
        return mantissa + scientific[scientific.IndexOf('e')..];
    }

    private static string Padded(string sign, string text, Layout layout)
    {
        var missing = layout.Width - CodePoints.Count(text) - sign.Length;
        if (missing <= 0) return sign + text;
        return layout switch
        {
            { Fill: '0' } when layout.Flags.Contains('0') => sign + new string('0', missing) + text,
            { Align: '<' } => sign + text + new string(layout.Fill, missing),
            { Align: '^' } => new string(layout.Fill, missing / 2) + sign + text + new string(layout.Fill, missing - missing / 2),
            _ => new string(layout.Fill, missing) + sign + text,
        };
    }
}
