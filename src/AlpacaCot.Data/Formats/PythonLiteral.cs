using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads lists and dictionaries as Python prints them (<c>[{'role': 'user', 'content': None}]</c>) and NumPy (without commas
/// between elements), as pandas writes them into the cells of tables.
/// </summary>
internal ref struct PythonLiteral
{
    private const int DeepestNesting = 64;

    private readonly ReadOnlySpan<char> _text;
    private readonly Utf8JsonWriter _json;
    private int _at;

    private PythonLiteral(ReadOnlySpan<char> text, Utf8JsonWriter json)
    {
        _text = text;
        _json = json;
    }

    /// <summary>Converts a literal to JSON; false if the text has another form.</summary>
    public static bool TryParse(string text, out JsonElement value)
    {
        value = default;
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer,
            new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
        var literal = new PythonLiteral(text, json);
        if (!literal.Value(0)) return false;
        literal.Space();
        if (literal._at < text.Length) return false;
        json.Flush();
        try
        {
            value = JsonElement.Parse(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private bool Value(int depth)
    {
        Space();
        if (_at >= _text.Length || depth > DeepestNesting) return false;
        if (_text[_at..].StartsWith("array(", StringComparison.Ordinal)) return NumpyArray(depth);
        return _text[_at] switch
        {
            '[' => List(']', depth),
            '(' => List(')', depth),
            '{' => Dictionary(depth),
            '\'' or '"' => String() is { } text && Write(text),
            _ => Word(),
        };
    }

    // array([...], dtype=object)
    private bool NumpyArray(int depth)
    {
        _at += "array(".Length;
        if (!Value(depth + 1)) return false;
        var end = _text[_at..].IndexOf(')');
        if (end < 0 || _text.Slice(_at, end).IndexOfAny("'\"[{") >= 0) return false;
        _at += end + 1;
        return true;
    }

    private bool List(char close, int depth)
    {
        _at++;
        _json.WriteStartArray();
        while (!Ends(close))
        {
            if (_at >= _text.Length || !Value(depth + 1)) return false;
            Space();
            if (_at < _text.Length && _text[_at] == ',') _at++;
        }
        _json.WriteEndArray();
        return true;
    }

    private bool Dictionary(int depth)
    {
        _at++;
        _json.WriteStartObject();
        while (!Ends('}'))
        {
            if (_at >= _text.Length || _text[_at] is not ('\'' or '"') || String() is not { } name) return false;
            Space();
            if (_at >= _text.Length || _text[_at++] != ':') return false;
            _json.WritePropertyName(name);
            if (!Value(depth + 1)) return false;
            Space();
            if (_at < _text.Length && _text[_at] == ',') _at++;
            else if (!(_at < _text.Length && _text[_at] == '}')) return false;
        }
        _json.WriteEndObject();
        return true;
    }

    private bool Ends(char close)
    {
        Space();
        if (_at >= _text.Length || _text[_at] != close) return false;
        _at++;
        return true;
    }

    private bool Write(string text)
    {
        _json.WriteStringValue(text);
        return true;
    }

    private bool Word()
    {
        var start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '.' or '+' or '-' or '_')) _at++;
        var word = _text[start.._at];
        switch (word)
        {
            case "None" or "nan" or "NaN" or "null": _json.WriteNullValue(); return true;
            case "True" or "true": _json.WriteBooleanValue(true); return true;
            case "False" or "false": _json.WriteBooleanValue(false); return true;
        }
        if (long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            _json.WriteNumberValue(whole);
        else if (double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real))
            _json.WriteNumberValue(real);
        else return false;
        return true;
    }

    private string? String()
    {
        var quote = _text[_at++];
        var text = new StringBuilder();
        while (_at < _text.Length)
        {
            var c = _text[_at++];
            if (c == quote) return text.ToString();
            if (c != '\\')
            {
                text.Append(c);
                continue;
            }
            if (_at >= _text.Length) return null;
            var escape = _text[_at++];
            var digits = escape switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0)
            {
                if (_at + digits > _text.Length
                    || !int.TryParse(_text.Slice(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                        out var code)
                    || !Rune.TryCreate(code, out var rune))
                    return null;
                text.Append(rune.ToString());
                _at += digits;
                continue;
            }
            switch (escape)
            {
                case 'n': text.Append('\n'); break;
                case 't': text.Append('\t'); break;
                case 'r': text.Append('\r'); break;
                case 'a': text.Append('\a'); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                case 'v': text.Append('\v'); break;
                case '0': text.Append('\0'); break;
                case '\n': break;
                case '\\' or '\'' or '"': text.Append(escape); break;
                default: text.Append('\\').Append(escape); break;
            }
        }
        return null;
    }

    private void Space()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at])) _at++;
    }
}
