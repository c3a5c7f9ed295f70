using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Converts values to strings like Python's <c>str</c> and <c>repr</c>.</summary>
internal static class PythonText
{
    public static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\x1c' and <= '\x1f';

    public static string Of(object? value, Budget budget)
    {
        if (value is string plain) return plain;
        if (value is Undefined) return "";
        var text = new StringBuilder();
        Repr(value, text, budget);
        return text.ToString();
    }

    public static string Repr(object? value, Budget budget)
    {
        var text = new StringBuilder();
        Repr(value, text, budget);
        return text.ToString();
    }

    private static void Repr(object? value, StringBuilder text, Budget budget)
    {
        budget.Descend();
        switch (value)
        {
            case null:
                text.Append("None");
                break;
            case bool flag:
                text.Append(flag ? "True" : "False");
                break;
            case long number:
                text.Append(CultureInfo.InvariantCulture, $"{number}");
                break;
            case double number:
                text.Append(Float(number));
                break;
            case string plain:
                budget.SpendAddition(text.Length, plain.Length);
                Quote(plain, text);
                break;
            case List<object?> list:
                Join("[", list, "]", item => Repr(item, text, budget), text);
                break;
            case object?[] tuple:
                Join("(", tuple, tuple.Length == 1 ? ",)" : ")", item => Repr(item, text, budget), text);
                break;
            case Dict dict:
                Members(dict);
                break;
            case Namespace variables:
                text.Append("<Namespace ");
                Members(variables.Members);
                text.Append('>');
                break;
            case View { Form.Length: > 0 } view:
                text.Append(view.Form);
                break;
            case View view:
                Join(view.Kind + "([", view.Items, "])", item => Repr(item, text, budget), text);
                break;
            case Undefined:
                text.Append("Undefined");
                break;
            default:
                throw new JinjaException($"a {Python.TypeName(value)} cannot be printed");
        }

        void Members(Dict dict) => Join("{", dict, "}", item =>
        {
            Repr(item.Key, text, budget);
            text.Append(": ");
            Repr(item.Value, text, budget);
        }, text);
    }

    private static void Join<T>(string open, IEnumerable<T> items, string close, Action<T> write, StringBuilder text)
    {
        text.Append(open);
        var isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst) text.Append(", ");
            isFirst = false;
            write(item);
        }
        text.Append(close);
    }

    private static void Quote(string plain, StringBuilder text)
    {
        var quote = plain.Contains('\'') && !plain.Contains('"') ? '"' : '\'';
        text.Append(quote);
        for (var at = 0; at < plain.Length; at++)
        {
            var character = plain[at];
            var escaped = character switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\\' => "\\\\",
                _ when character == quote => "\\" + quote,
                _ => null,
            };
            if (escaped is not null) text.Append(escaped);
            else if (Rune.TryGetRuneAt(plain, at, out var rune))
            {
                if (IsPrintable(rune)) text.Append(rune.ToString());
                else text.Append(rune.Value <= 0xFF ? $"\\x{rune.Value:x2}"
                    : rune.Value <= 0xFFFF ? $"\\u{rune.Value:x4}" : $"\\U{rune.Value:x8}");
                at += rune.Utf16SequenceLength - 1;
            }
            else text.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
        }
        text.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    /// <summary>Shortest round-trip digits, with an exponent below -4 or above 15, like Python.</summary>
    public static string Float(double number)
    {
        if (double.IsNaN(number)) return "nan";
        if (double.IsInfinity(number)) return number > 0 ? "inf" : "-inf";
        var shortest = number.ToString("R", CultureInfo.InvariantCulture);
        if (number == 0) return shortest.StartsWith('-') ? "-0.0" : "0.0";
        // Digits and exponent of the shortest form, independent of its notation.
        var parts = shortest.Split('E');
        var mantissa = parts[0].TrimStart('-');
        var digits = mantissa.Replace(".", "").TrimStart('0').TrimEnd('0');
        var exponent = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture)
            : mantissa.IndexOf('.') is var point && mantissa[0] != '0' ? (point < 0 ? mantissa.Length : point) - 1
            : -(mantissa.AsSpan(2).IndexOfAnyExcept('0') + 1);
        var sign = number < 0 ? "-" : "";
        if (exponent is < -4 or > 15)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        if (exponent < 0) return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        digits = digits.PadRight(exponent + 2, '0');
        return $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }
}
