using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Templates.Jinja;

internal enum TokenKind
{
    Data, VariableBegin, VariableEnd, BlockBegin, BlockEnd, Name, Text, Integer, Float, Operator, End,
}

/// <summary>A token of a template.</summary>
/// <param name="Kind">Type of the token.</param>
/// <param name="Text">Its value: for a string without quotes and with escapes resolved.</param>
/// <param name="Line">One-based line.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line)
{
    public bool Is(string symbol) => Kind is TokenKind.Operator or TokenKind.Name && Text == symbol;

    public override string ToString() => Kind switch
    {
        TokenKind.End => "the end of the template",
        TokenKind.BlockEnd => "'%}'",
        TokenKind.VariableEnd => "'}}'",
        TokenKind.Data => "text",
        _ => $"'{Text}'",
    };
}

/// <summary>
/// Tokenizes a template like Jinja2 with <c>trim_blocks</c> and <c>lstrip_blocks</c>, the settings of Hugging Face: the line
/// break after a block tag and the blanks before one at the start of a line are removed; minus signs strip, plus signs keep.
/// </summary>
internal sealed class Lexer
{
    private static readonly string[] Operators =
    [
        "**", "//", "==", "!=", ">=", "<=",
        "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
    ];

    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private readonly Stack<char> _open = new();
    private int _at, _line = 1;

    private Lexer(string source) => _source = source;

    /// <exception cref="JinjaException">A lexical error.</exception>
    public static List<Token> Read(string template)
    {
        var source = template.Replace("\r\n", "\n").Replace('\r', '\n');
        if (source.EndsWith('\n')) source = source[..^1];
        var lexer = new Lexer(source);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        var startsLine = true;
        while (_at < _source.Length)
        {
            var tag = NextTag(_at);
            if (tag < 0) break;
            var kind = _source[tag + 1];
            var text = _source[_at..tag];
            var sign = tag + 2 < _source.Length ? _source[tag + 2] : '\0';
            var signed = sign is '-' or '+';
            AddData(Stripped(text, signed ? sign : '\0', kind != '{', startsLine), text);
            _at = tag + (signed ? 3 : 2);
            if (kind == '#') SkipComment();
            else if (kind == '%' && RawBegin() is { } body) Raw(body);
            else Inside(kind == '{');
            startsLine = _source[_at - 1] == '\n';
        }
        if (_at < _source.Length) AddData(_source[_at..], _source[_at..]);
        _tokens.Add(new Token(TokenKind.End, "", _line));
    }

    private int NextTag(int from)
    {
        for (var at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
            if (_source[at + 1] is '{' or '%' or '#') return at;
        return -1;
    }

    private static string Stripped(string text, char sign, bool isBlock, bool startsLine)
    {
        if (sign == '-') return text[..EndWithoutSpace(text)];
        if (sign == '+' || !isBlock) return text;
        var line = text.LastIndexOf('\n') + 1;
        return (line > 0 || startsLine) && EndWithoutSpace(text) <= line ? text[..line] : text;
    }

    private static int EndWithoutSpace(string text)
    {
        var end = text.Length;
        while (end > 0 && PythonText.IsSpace(text[end - 1])) end--;
        return end;
    }

    private void AddData(string kept, string whole)
    {
        if (kept.Length > 0) _tokens.Add(new Token(TokenKind.Data, kept, _line));
        _line += whole.Count('\n');
    }

    private void SkipComment()
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0) throw new JinjaException("unclosed comment: '#}' is missing", _line);
        var sign = end > _at ? _source[end - 1] : '\0';
        Advance(end + 2);
        AfterBlock(sign);
    }

    /// <summary>Handles white space after the end of a block or comment.</summary>
    private void AfterBlock(char sign)
    {
        if (sign == '-') SkipSpace();
        else if (sign != '+' && _at < _source.Length && _source[_at] == '\n') Advance(_at + 1);
    }

    private void SkipSpace()
    {
        var end = _at;
        while (end < _source.Length && PythonText.IsSpace(_source[end])) end++;
        Advance(end);
    }

    private void Advance(int to)
    {
        _line += _source.AsSpan(_at, to - _at).Count('\n');
        _at = to;
    }

    /// <summary>The start of a raw block's body if the current tag opens one; else null.</summary>
    private int? RawBegin()
    {
        var at = Word(_at, "raw");
        if (at < 0) return null;
        if (Starts(at, "%}")) return at + 2;
        if (!Starts(at, "-%}")) return null;
        at += 3;
        while (at < _source.Length && PythonText.IsSpace(_source[at])) at++;
        return at;
    }

    /// <summary>End of a word with its surrounding white space; negative if the word does not follow.</summary>
    private int Word(int at, string word)
    {
        while (at < _source.Length && PythonText.IsSpace(_source[at])) at++;
        if (!Starts(at, word)) return -1;
        at += word.Length;
        while (at < _source.Length && PythonText.IsSpace(_source[at])) at++;
        return at;
    }

    private bool Starts(int at, string text) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    private void Raw(int body)
    {
        var line = _line;
        Advance(body);
        for (var at = _source.IndexOf("{%", _at, StringComparison.Ordinal); at >= 0;
            at = _source.IndexOf("{%", at + 1, StringComparison.Ordinal))
        {
            var sign = at + 2 < _source.Length && _source[at + 2] is '-' or '+' ? _source[at + 2] : '\0';
            var end = Word(at + (sign == '\0' ? 2 : 3), "endraw");
            if (end < 0) continue;
            var endSign = Starts(end, "-%}") || Starts(end, "+%}") ? _source[end] : '\0';
            if (endSign == '\0' && !Starts(end, "%}")) continue;
            var text = _source[_at..at];
            AddData(Stripped(text, sign, isBlock: true, startsLine: _source[_at - 1] == '\n'), text);
            _at = at;
            Advance(end + (endSign == '\0' ? 2 : 3));
            AfterBlock(endSign);
            return;
        }
        throw new JinjaException("unclosed raw block: '{% endraw %}' is missing", line);
    }

    private void Inside(bool isVariable)
    {
        var opened = _line;
        Add(isVariable ? TokenKind.VariableBegin : TokenKind.BlockBegin, "");
        var close = isVariable ? "}}" : "%}";
        while (true)
        {
            SkipSpace();
            if (_at >= _source.Length) throw new JinjaException($"unclosed tag: '{close}' is missing", opened);
            if (_open.Count == 0)
            {
                var sign = _source[_at] == '-' || (!isVariable && _source[_at] == '+') ? _source[_at] : '\0';
                var at = sign == '\0' ? _at : _at + 1;
                if (Starts(at, close))
                {
                    Add(isVariable ? TokenKind.VariableEnd : TokenKind.BlockEnd, "");
                    Advance(at + 2);
                    if (sign == '-') SkipSpace();
                    else if (!isVariable) AfterBlock(sign);
                    return;
                }
            }
            ReadToken();
        }
    }

    private void Add(TokenKind kind, string text) => _tokens.Add(new Token(kind, text, _line));

    private void ReadToken()
    {
        var first = _source[_at];
        if (char.IsAsciiDigit(first)) ReadNumber();
        else if (first is '\'' or '"') ReadText(first);
        else if (first == '_' || char.IsLetter(first))
        {
            var end = _at;
            while (end < _source.Length && (_source[end] == '_' || char.IsLetterOrDigit(_source[end]))) end++;
            Add(TokenKind.Name, _source[_at..end]);
            _at = end;
        }
        else ReadOperator(first);
    }

    private void ReadOperator(char first)
    {
        var symbol = Array.Find(Operators, o => Starts(_at, o))
            ?? throw new JinjaException($"unexpected character '{first}'", _line);
        if (first is '(' or '[' or '{') _open.Push(first == '(' ? ')' : first == '[' ? ']' : '}');
        else if (first is ')' or ']' or '}' && (!_open.TryPop(out var expected) || expected != first))
            throw new JinjaException($"unexpected '{first}'", _line);
        Add(TokenKind.Operator, symbol);
        _at += symbol.Length;
    }

    private void ReadNumber()
    {
        var start = _at;
        if (_source[_at] == '0' && _at + 1 < _source.Length && char.ToLowerInvariant(_source[_at + 1]) is 'x' or 'o' or 'b')
        {
            var radix = char.ToLowerInvariant(_source[_at + 1]) switch { 'x' => 16, 'o' => 8, _ => 2 };
            _at += 2;
            while (_at < _source.Length && (char.IsAsciiHexDigit(_source[_at]) || _source[_at] == '_')) _at++;
            var digits = _source[(start + 2).._at].Replace("_", "");
            try
            {
                Add(TokenKind.Integer, Convert.ToInt64(digits, radix).ToString(CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
            {
                throw new JinjaException($"'{_source[start.._at]}' is not a number", _line);
            }
            return;
        }
        Digits();
        var isFloat = false;
        // After a dot, as in "messages.0.content", digits are an index without a fraction.
        var afterDot = start > 0 && _source[start - 1] == '.';
        if (!afterDot && _at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]))
        {
            isFloat = true;
            _at++;
            Digits();
        }
        if (!afterDot && _at < _source.Length && _source[_at] is 'e' or 'E')
        {
            var exponent = _at + 1 < _source.Length && _source[_at + 1] is '+' or '-' ? _at + 2 : _at + 1;
            if (exponent < _source.Length && char.IsAsciiDigit(_source[exponent]))
            {
                isFloat = true;
                _at = exponent;
                Digits();
            }
        }
        Add(isFloat ? TokenKind.Float : TokenKind.Integer, _source[start.._at].Replace("_", ""));

        void Digits()
        {
            while (_at < _source.Length && (char.IsAsciiDigit(_source[_at])
                || (_source[_at] == '_' && _at + 1 < _source.Length && char.IsAsciiDigit(_source[_at + 1])))) _at++;
        }
    }

    private void ReadText(char quote)
    {
        var (text, line) = (new StringBuilder(), _line);
        for (var at = _at + 1; at < _source.Length; at++)
        {
            var character = _source[at];
            if (character == quote)
            {
                _tokens.Add(new Token(TokenKind.Text, text.ToString(), line));
                Advance(at + 1);
                return;
            }
            if (character != '\\' || at + 1 == _source.Length) text.Append(character);
            else at = Escape(at + 1, text);
        }
        throw new JinjaException("unclosed string: the closing quote is missing", line);
    }

    /// <summary>Resolves the escape at <paramref name="at"/> and returns the index after it.</summary>
    private int Escape(int at, StringBuilder text)
    {
        var letter = _source[at];
        const string letters = "\n\\'\"abfnrtv", values = "\0\\'\"\a\b\f\n\r\t\v";
        if (letters.IndexOf(letter) is >= 0 and var known)
        {
            if (letter != '\n') text.Append(values[known]);
            return at;
        }
        if (letter is >= '0' and <= '7')
        {
            var end = at;
            while (end < _source.Length && end < at + 3 && _source[end] is >= '0' and <= '7') end++;
            text.Append((char)Convert.ToInt32(_source[at..end], 8));
            return end - 1;
        }
        var length = letter switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (length == 0)
        {
            text.Append('\\').Append(letter);   // like Python, keep unknown escapes
            return at;
        }
        var digits = _source.AsSpan(at + 1, Math.Min(length, _source.Length - at - 1));
        if (digits.Length < length || !uint.TryParse(digits, NumberStyles.AllowHexSpecifier, null, out var code)
            || code > 0x10FFFF)
            throw new JinjaException($"the escape \\{letter} requires {length} hexadecimal digits of a character", _line);
        if (code > 0xFFFF) text.Append(char.ConvertFromUtf32((int)code));
        else text.Append((char)code);
        return at + length;
    }
}
