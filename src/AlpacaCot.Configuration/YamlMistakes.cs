using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Configuration;

/// <summary>
/// Finds the mistake of a person in a text that is not valid YAML. The parser of YAML reports where it could not go on, which is
/// often far from the mistake and never in a person's words.
/// </summary>
internal static partial class YamlMistakes
{
    private const string WideOpen = "【［〔｛（", WideClose = "】］〕｝）", Curly = "“”„‟«»‘’‚‛「」『』＂＇";

    /// <summary>A mistake.</summary>
    /// <param name="Line">The line, from 0.</param>
    /// <param name="Column">The column, from 0.</param>
    /// <param name="What">The mistake and its remedy.</param>
    internal readonly record struct Mistake(int Line, int Column, string What);

    /// <summary>The message: location, mistake, and the line with a mark below the character.</summary>
    public static string Message(SourceLocation location, string[] lines, Mistake mistake)
    {
        var line = lines[Math.Min(mistake.Line, lines.Length - 1)].TrimEnd('\r');
        // A long line is cut around the mistake.
        var start = Math.Max(0, Math.Min(mistake.Column, line.Length) - 60);
        var shown = line[start..Math.Min(line.Length, start + 100)].Replace('\t', '→');
        var before = shown[..Math.Min(mistake.Column - start, shown.Length)];
        var pad = string.Concat(before.EnumerateRunes().Select(c => IsWide(c) ? "  " : " "));
        return $"{location}: this is not valid YAML: {mistake.What}\n    {shown}\n    {pad}^";
    }

    /// <summary>A mistake that makes the text invalid, or another text than its author means; null for none.</summary>
    public static Mistake? Before(string[] lines)
    {
        var textBelow = -1; // the indentation of a key whose text follows on the next lines, after | or >
        foreach (var (i, line) in lines.Index())
        {
            var text = line.TrimStart(' ');
            var column = line.Length - text.Length;
            if (text.Trim() is not { Length: > 0 } content || content[0] == '#') continue;
            if (textBelow >= 0 && column > textBelow) continue;
            textBelow = BlockText().IsMatch(content) ? column : -1;
            if (text[0] == '\t') return new(i, column, "the line is indented with a tab; use spaces");
            if (text[0] is '\u3000' or '\u00a0' or (>= '\u2000' and <= '\u200b'))
                return new(i, column, "the line is indented with a character that looks like a space; use ordinary spaces");
            if (WideColonKey().Match(line) is { Success: true } key && !line.Contains(": ", StringComparison.Ordinal))
                return new(i, key.Groups[1].Length,
                    $"the colon after {key.Groups[1].Value.Trim(' ', '-')} is full-width (：); write "
                    + "an ordinary colon and a space (: )");
        }
        return null;
    }

    /// <summary>The mistake behind an error of the parser.</summary>
    /// <param name="lines">The text.</param>
    /// <param name="line">The line of the error, from 0.</param>
    /// <param name="column">Its column, from 0.</param>
    /// <param name="reason">The parser's reason.</param>
    public static Mistake Behind(string[] lines, int line, int column, string reason)
    {
        line = Math.Clamp(line, 0, lines.Length - 1);
        return Wide(lines, line) ?? Escape(lines, line, column, reason) ?? Open(lines) ?? Structure(lines, line)
            ?? new(line, column, reason);
    }

    // Characters of another keyboard in the place of those of YAML, on the line of the error or just before it.
    private static Mistake? Wide(string[] lines, int line)
    {
        for (var i = line; i >= Math.Max(0, line - 1); i--)
        {
            var text = Code(lines[i]);
            for (var c = 0; c < text.Length; c++)
                if (text[c] == '：') return new(i, c, "the colon is full-width (：); write an ordinary colon and a space (: )");
                else if (WideOpen.Contains(text[c]) || WideClose.Contains(text[c]))
                    return new(i, c, $"the bracket {text[c]} is full-width; write {Narrow(text[c])}");
                else if (text[c] is '，' or '、') return new(i, c,
                    $"the comma {text[c]} is full-width; write an ordinary comma (,)");
                else if (Curly.Contains(text[c]))
                    return new(i, c, $"the quotation mark {text[c]} is typographic; write \" or '");
        }
        return null;
    }

    private static string Narrow(char c) => WideOpen.Contains(c) ? c is '｛' ? "{" : "[" : c is '｝' ? "}" : "]";

    private static Mistake? Escape(string[] lines, int line, int column, string reason)
    {
        if (!reason.Contains("escape", StringComparison.OrdinalIgnoreCase)) return null;
        var text = lines[line];
        var at = text.IndexOf('\\', StringComparison.Ordinal);
        for (var i = at; i >= 0; i = text.IndexOf('\\', i + 1))
            if (i <= column) at = i;
        return new(line, Math.Max(at, 0),
            "in double quotes \\ begins an escape such as \\n; write a path with / or in single quotes: "
            + "'C:\\data\\train.json'");
    }

    // The innermost bracket or quote that is open at the end of the text.
    private static Mistake? Open(string[] lines)
    {
        var open = new Stack<(int Line, int Column, char What)>();
        (int Line, int Column, char What)? quote = null;
        for (var i = 0; i < lines.Length; i++)
        {
            var text = lines[i];
            for (var c = 0; c < text.Length; c++)
                if (quote is { } inside)
                {
                    if (text[c] == '\\' && inside.What == '"') c++;
                    else if (text[c] == inside.What)
                    {
                        if (inside.What == '\'' && c + 1 < text.Length && text[c + 1] == '\'') c++;
                        else quote = null;
                    }
                }
                else if (text[c] == '#' && (c == 0 || text[c - 1] is ' ' or '\t')) break;
                else if (text[c] is '"' or '\'' && Begins(text, c)) quote = (i, c, text[c]);
                else if (text[c] is '[' or '{' && (open.Count > 0 || Begins(text, c))) open.Push((i, c, text[c]));
                else if (text[c] is ']' or '}' && open.Count > 0)
                {
                    var (fromLine, fromColumn, what) = open.Pop();
                    if (text[c] != Closing(what))
                        return new(i, c, $"{text[c]} closes the {what} of line {fromLine + 1}, column {fromColumn + 1}; write "
                            + $"{Closing(what)}");
                }
                else if (text[c] is ']' or '}' && Begins(text, c))
                    return new(i, c, $"{text[c]} closes nothing; remove it, or add the bracket that opens it");
        }
        if (quote is { } q) return new(q.Line, q.Column,
            $"the quotation mark {q.What} is not closed; add {q.What} at the end of the text");
        return open.TryPop(out var last)
            ? new(last.Line, last.Column, $"the bracket {last.What} is not closed; add {Closing(last.What)}") : null;
    }

    private static char Closing(char open) => open == '[' ? ']' : '}';

    // Quotes and brackets have a meaning only at the start of a value.
    private static bool Begins(string text, int at)
    {
        var before = text.AsSpan(0, at).TrimEnd();
        return before.IsEmpty || before[^1] is ':' or ',' or '[' or '{' || before[^1] == '-' && before.Trim() is "-";
    }

    private static Mistake? Structure(string[] lines, int line)
    {
        // The parser notices some mistakes only on the next line with text.
        for (var i = line; i >= Math.Max(0, line - 1); i--)
        {
            var text = Code(lines[i]);
            if (text.Trim().Length == 0) continue;
            if (KeyWithoutSpace().Match(text) is { Success: true } glued)
                return new(i, glued.Groups[1].Length,
                    $"a space is missing after the colon of {glued.Groups[1].Value.Trim(' ', '-')}");
            if (KeyWithEquals().Match(text) is { Success: true } equals)
                return new(i, equals.Groups[1].Length, "a key and its value are separated by a colon and a space (: ), not by =");
            if (text.TrimStart() is ['@' or '`', ..] || ReservedStart().Match(text) is { Success: true })
                return new(i, text.IndexOfAny(['@', '`']), "a text that begins with @ or ` needs quotes");
            if (NestedColon().Match(text) is { Success: true } nested)
                return new(i, nested.Groups[1].Length, "the value contains a colon and a space; put quotes around it");
        }
        var indent = Indent(lines[line]);
        var above = Enumerable.Range(0, line).Reverse().Where(i => Code(lines[i]).Trim().Length > 0).ToList();
        if (above.Count == 0) return null;
        var previous = above[0];
        // The columns in which a line may start here: those of the lines above that are still open.
        var (allowed, least) = (new List<int>(), int.MaxValue);
        foreach (var i in above)
            if (Indent(lines[i]) < least) allowed.Add(least = Indent(lines[i]));
        var opensBlock = Code(lines[previous]).TrimEnd().EndsWith(':');
        if (indent > Indent(lines[previous]) && !opensBlock)
            return new(line, indent, $"the line is indented deeper than line {previous + 1}, which already has a value; remove "
                + $"{Spaces(indent - Indent(lines[previous]))}, or write nothing after the colon of line {previous + 1}");
        if (!allowed.Contains(indent) && !opensBlock)
            return new(line, indent, $"the line is indented by {Spaces(indent)}; lines above it are indented by "
                + string.Join(", ", allowed.Order().Select(a => a.ToString(CultureInfo.InvariantCulture)))
                + ": use one of these");
        return ListInMap(lines[line]) != ListInMap(lines[previous]) && indent == Indent(lines[previous])
            ? new(line, indent, "a list (- item) and a map (key: value) cannot be at the same indentation; indent one of them")
            : null;
    }

    private static bool ListInMap(string line) => line.TrimStart().StartsWith("- ", StringComparison.Ordinal);

    private static int Indent(string line) => line.Length - line.TrimStart(' ').Length;

    private static string Spaces(int count) => count == 1 ? "1 space" : $"{count.ToString(CultureInfo.InvariantCulture)} spaces";

    // The line without its comment.
    private static string Code(string line)
    {
        var at = line.IndexOf(" #", StringComparison.Ordinal);
        return line.TrimStart().StartsWith('#') ? "" : at >= 0 ? line[..at] : line.TrimEnd('\r');
    }

    /// <summary>
    /// A hint for a value that is valid YAML, but has characters that its author most likely means otherwise; null for none.
    /// </summary>
    /// <param name="text">The value.</param>
    /// <param name="quoted">Whether it is in quotes.</param>
    public static string? Hint(string text, bool quoted)
    {
        if (text.Any(char.IsControl))
            return "in double quotes \\n, \\t and the like are control characters; write a path with / or in single quotes";
        if (quoted) return null;
        foreach (var c in text)
            if (c == '：') return "it contains a full-width colon (：); write an ordinary colon and a space (: )";
            else if (WideOpen.Contains(c)
                || WideClose.Contains(c)) return $"it contains the full-width bracket {c}; write {Narrow(c)}";
            else if (c is '，' or '、') return $"it contains the full-width comma {c}; write an ordinary comma (,)";
        if (text.Length > 0 && (Curly.Contains(text[0]) || Curly.Contains(text[^1])))
            return $"its quotation marks {text[0]} and {text[^1]} are typographic; write \" or '";
        if (GluedValue().IsMatch(text)) return "a space is missing after its colon";
        return null;
    }

    /// <summary>Whether a plain text is in typographic quotation marks, which YAML takes for part of the text.</summary>
    public static bool IsCurlyQuoted(string text) => text.Length > 1 && Curly.Contains(text[0]) && Curly.Contains(text[^1]);

    private static bool IsWide(Rune c) => c.Value is >= 0x1100 and <= 0x115F or >= 0x2E80 and <= 0xA4CF or >= 0xAC00 and <= 0xD7A3
        or >= 0xF900 and <= 0xFAFF or >= 0xFE30 and <= 0xFE6F or >= 0xFF00 and <= 0xFF60 or >= 0xFFE0 and <= 0xFFE6
        or >= 0x1F300 and <= 0x1F64F or >= 0x20000 and <= 0x3FFFD;

    [GeneratedRegex(@": *[|>][-+0-9]*$")]
    private static partial Regex BlockText();

    [GeneratedRegex(@"^(\s*(?:- +)?[A-Za-z_][A-Za-z0-9_.-]* *)：")]
    private static partial Regex WideColonKey();

    [GeneratedRegex(@"^(\s*(?:- +)?[A-Za-z_][\w.]*):[^\s/\\:]")]
    private static partial Regex KeyWithoutSpace();

    [GeneratedRegex(@"^(\s*(?:- +)?[A-Za-z_][\w.]* *)=(?!=)")]
    private static partial Regex KeyWithEquals();

    [GeneratedRegex(@"^\s*(?:- +)?(?:[\w.]+: +)?[@`]")]
    private static partial Regex ReservedStart();

    [GeneratedRegex(@"^(\s*(?:- +)?[\w.]+: +[^\s""'\[\]{}|>#][^""'\[{]*?): ")]
    private static partial Regex NestedColon();

    [GeneratedRegex(@"^[A-Za-z_]\w*:[^\s/\\:]")]
    private static partial Regex GluedValue();
}
