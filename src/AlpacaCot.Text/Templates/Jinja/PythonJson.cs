using System.Globalization;
using System.Text;
using System.Text.Json;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Writes JSON like Python's <c>json.dumps</c>, and converts JSON to template values.</summary>
internal sealed class PythonJson(Budget budget)
{
    private readonly StringBuilder _text = new();

    /// <summary>Indentation per nesting level; null for a single line.</summary>
    public string? Indent { get; init; }

    public string ItemSeparator { get; init; } = ", ";

    public string KeySeparator { get; init; } = ": ";

    public bool SortKeys { get; init; }

    public bool AsciiOnly { get; init; }

    /// <exception cref="JinjaException">A value cannot be represented in JSON.</exception>
    public string Write(object? value)
    {
        Value(value, 0);
        return _text.ToString();
    }

    private void Value(object? value, int level)
    {
        budget.Descend();
        switch (value)
        {
            case string text:
                String(text);
                break;
            case List<object?> or object?[]:
                Nested('[', (IReadOnlyList<object?>)value, ']', level, item => Value(item, level + 1));
                break;
            case Dict dict:
                Nested('{', [.. SortKeys ? Sorted(dict) : dict], '}', level, item =>
                {
                    String(item.Key as string ?? Scalar(item.Key));
                    budget.SpendAddition(_text.Length, KeySeparator.Length);
                    _text.Append(KeySeparator);
                    Value(item.Value, level + 1);
                });
                break;
            default:
                _text.Append(Scalar(value));
                break;
        }
    }

    private IEnumerable<KeyValuePair<object, object?>> Sorted(Dict dict) =>
        dict.Order(Comparer<KeyValuePair<object, object?>>.Create((a, b) => Python.Compare(a.Key, b.Key, "<", budget)));

    private static string Scalar(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        long number => Python.Invariant(number),
        double number => double.IsNaN(number) ? "NaN" : double.IsInfinity(number) ? (number > 0 ? "Infinity" : "-Infinity")
            : PythonText.Float(number),
        Undefined missing => throw new JinjaException($"{missing.What}; it cannot be converted to JSON"),
        _ => throw new JinjaException($"a {Python.TypeName(value)} cannot be converted to JSON"),
    };

    private void Nested<T>(char open, IReadOnlyList<T> items, char close, int level, Action<T> write)
    {
        _text.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                budget.SpendAddition(_text.Length, ItemSeparator.Length);
                _text.Append(ItemSeparator);
            }
            NewLine(level + 1);
            write(items[i]);
        }
        if (items.Count > 0) NewLine(level);
        _text.Append(close);
    }

    private void NewLine(int level)
    {
        if (Indent is null) return;
        budget.SpendAddition(_text.Length, (long)Indent.Length * level);
        _text.Append('\n');
        for (; level > 0; level--) _text.Append(Indent);
    }

    private void String(string text)
    {
        budget.SpendAddition(_text.Length, text.Length);
        _text.Append('"');
        foreach (var character in text)
        {
            var escaped = character switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\f' => "\\f",
                '\b' => "\\b",
                < ' ' => $"\\u{(int)character:x4}",
                > '~' when AsciiOnly => $"\\u{(int)character:x4}",
                _ => null,
            };
            if (escaped is null) _text.Append(character);
            else _text.Append(escaped);
        }
        _text.Append('"');
    }

    /// <summary>Converts JSON to template values.</summary>
    /// <exception cref="JinjaException">A number is out of range.</exception>
    public static object? Read(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var dict = new Dict();
                foreach (var member in json.EnumerateObject()) dict[member.Name] = Read(member.Value);
                return dict;
            case JsonValueKind.Array:
                return json.EnumerateArray().Select(Read).ToList();
            case JsonValueKind.String:
                return json.GetString();
            case JsonValueKind.Number:
                var digits = json.GetRawText();
                if (digits.AsSpan().IndexOfAny(".eE") >= 0) return double.Parse(digits, CultureInfo.InvariantCulture);
                return long.TryParse(digits, CultureInfo.InvariantCulture, out var whole) ? whole
                    : throw new JinjaException($"the number {digits} is too large");
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                return null;
        }
    }
}
