using System.Buffers;
using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Methods of Python's strings.</summary>
internal static class StringMethods
{
    private static readonly SearchValues<char> Breaks = SearchValues.Create("\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029");

    private static readonly string[] CaseMethods = ["upper", "lower", "casefold", "title", "capitalize", "swapcase"];

    /// <summary>Finds a method by name; null if unknown.</summary>
    public static Function? Find(string text, string name)
    {
        Func<Arguments, object?>? run = name switch
        {
            "strip" => a => Strip(text, a.Bind(name, "chars").TextOrNone("chars"), true, true, a.Budget),
            "lstrip" => a => Strip(text, a.Bind(name, "chars").TextOrNone("chars"), true, false, a.Budget),
            "rstrip" => a => Strip(text, a.Bind(name, "chars").TextOrNone("chars"), false, true, a.Budget),
            "upper" => _ => Upper(text),
            "lower" or "casefold" => _ => text.ToLowerInvariant(),
            "title" => _ => Title(text),
            "capitalize" => _ => Capitalize(text),
            "swapcase" => _ => string.Concat(text.Select(
                c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c))),
            "startswith" => a => Affix(text, a.Bind(name, "prefix", "start", "end"), "prefix", text.StartsWith, a.Budget),
            "endswith" => a => Affix(text, a.Bind(name, "suffix", "start", "end"), "suffix", text.EndsWith, a.Budget),
            "removeprefix" => a => a.Bind(name, "prefix").Text("prefix") is var prefix
                && text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text,
            "removesuffix" => a => a.Bind(name, "suffix").Text("suffix") is var suffix
                && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text,
            "split" => a => Split(text, a.Bind(name, "sep", "maxsplit"), fromEnd: false, a.Budget),
            "rsplit" => a => Split(text, a.Bind(name, "sep", "maxsplit"), fromEnd: true, a.Budget),
            "splitlines" => a => Lines(text, a.Bind(name, "keepends").Flag("keepends"), a.Budget),
            "partition" => a => Partition(text, a.Bind(name, "sep").Text("sep"), last: false, a.Budget),
            "rpartition" => a => Partition(text, a.Bind(name, "sep").Text("sep"), last: true, a.Budget),
            "replace" => a => a.Bind(name, "old", "new", "count") is var b
                ? Replace(text, b.Text("old"), b.Text("new"), b.Int("count", -1), a.Budget) : null,
            "join" => a => Join(text, Python.Items(a.Bind(name, "iterable").Required("iterable"), a.Budget), a.Budget),
            "find" or "rfind" or "index" or "rindex" => a => Position(text, a.Bind(name, "sub", "start", "end"), name, a.Budget),
            "count" => a => Count(text, a.Bind(name, "sub").Text("sub"), a.Budget),
            "format" => a => PythonFormat.Braces(text, a),
            "isdigit" or "isdecimal" or "isnumeric" => _ => text.Length > 0 && text.All(char.IsDigit),
            "isalpha" => _ => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter),
            "isalnum" => _ => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetterOrDigit),
            "isspace" => _ => text.Length > 0 && text.All(PythonText.IsSpace),
            "isupper" => _ => text.Any(char.IsUpper) && !text.Any(char.IsLower),
            "islower" => _ => text.Any(char.IsLower) && !text.Any(char.IsUpper),
            "zfill" => a => ZeroFilled(text, a.Bind(name, "width").Int("width"), a.Budget),
            "center" or "ljust" or "rjust" => a => a.Bind(name, "width", "fillchar") is var b
                ? Padded(text, b.Int("width"), b.Text("fillchar", " "), name, a.Budget) : null,
            _ => null,
        };
        return run is null ? null : new Function(name, arguments =>
        {
            // Changing the case and scanning for kinds of characters cost more for each one than copying it.
            if (name.StartsWith("is", StringComparison.Ordinal) || CaseMethods.Contains(name))
                arguments.Budget.SpendCharacters(text.Length);
            else arguments.Budget.SpendText(text.Length);
            return run(arguments);
        });
    }

    /// <summary>Removes characters at the ends: the given ones, or white space.</summary>
    public static string Strip(string text, string? characters, bool left, bool right, Budget? budget = null)
    {
        if (characters is not null) budget?.SpendSearch(text.Length, characters.Length);
        var (start, end) = (0, text.Length);
        while (left && start < end && Goes(text[start])) start++;
        while (right && end > start && Goes(text[end - 1])) end--;
        return text[start..end];

        bool Goes(char character) => characters?.Contains(character) ?? PythonText.IsSpace(character);
    }

    public static string Upper(string text) => text.Replace("ß", "SS").ToUpperInvariant();

    public static string Capitalize(string text)
    {
        if (text.Length == 0) return text;
        var first = char.IsHighSurrogate(text[0]) && text.Length > 1 ? 2 : 1;
        return text[..first].ToUpperInvariant() + text[first..].ToLowerInvariant();
    }

    private static string Title(string text)
    {
        var (result, inWord) = (new StringBuilder(text.Length), false);
        foreach (var character in text)
        {
            result.Append(inWord ? char.ToLowerInvariant(character) : char.ToUpperInvariant(character));
            inWord = char.IsLetter(character);
        }
        return result.ToString();
    }

    private static bool Affix(string text, Bound bound, string name, Func<string, StringComparison, bool> has, Budget budget)
    {
        if (bound.Has("start") || bound.Has("end"))
        {
            long? end = bound.Has("end") ? bound.Int("end") : null;
            var part = (string)Members.Part(text, bound.Int("start", 0), end, null, budget);
            has = name == "prefix" ? part.StartsWith : part.EndsWith;
        }
        return bound.Required(name) is object?[] several
            ? several.Any(one => one is string affix && Affixed(affix))
            : has(bound.Text(name), StringComparison.Ordinal);

        bool Affixed(string affix)
        {
            budget.Spend();
            budget.SpendText(affix.Length);
            return has(affix, StringComparison.Ordinal);
        }
    }

    private static List<object?> Split(string text, Bound bound, bool fromEnd, Budget budget)
    {
        var (separator, most) = (bound.TextOrNone("sep"), bound.Int("maxsplit", -1));
        if (separator is "") throw new JinjaException("split requires a non-empty separator");
        var parts = new List<object?>();
        if (separator is not null)
        {
            var rest = text;
            var all = fromEnd ? new List<object?>() : parts;
            while (most != 0 && (fromEnd ? rest.LastIndexOf(separator, StringComparison.Ordinal)
                : rest.IndexOf(separator, StringComparison.Ordinal)) is >= 0 and var at)
            {
                budget.SpendText(rest.Length + 16L);
                budget.SpendSearch(rest.Length, separator.Length);
                all.Add(fromEnd ? rest[(at + separator.Length)..] : rest[..at]);
                rest = fromEnd ? rest[..at] : rest[(at + separator.Length)..];
                most--;
            }
            all.Add(rest);
            if (fromEnd) all.Reverse();
            return all;
        }
        // Without a separator: split at runs of white space, without empty parts at the ends.
        var left = Strip(text, null, !fromEnd, fromEnd);
        while (left.Length > 0)
        {
            budget.SpendText(left.Length + 16L);
            var isSpace = (Predicate<char>)PythonText.IsSpace;
            var at = most == 0 ? -1 : fromEnd ? Array.FindLastIndex(left.ToCharArray(), isSpace)
                : Array.FindIndex(left.ToCharArray(), isSpace);
            if (at < 0)
            {
                parts.Add(left);
                break;
            }
            parts.Add(fromEnd ? left[(at + 1)..] : left[..at]);
            left = fromEnd ? Strip(left[..at], null, false, true) : Strip(left[at..], null, true, false);
            most--;
        }
        if (fromEnd) parts.Reverse();
        return parts;
    }

    private static List<object?> Lines(string text, bool keepEnds, Budget budget)
    {
        var (lines, start) = (new List<object?>(), 0);
        while (start < text.Length)
        {
            budget.Spend();
            var at = text.AsSpan(start).IndexOfAny(Breaks);
            var end = at < 0 ? text.Length : start + at;
            var next = at < 0 ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }
        return lines;
    }

    private static object?[] Partition(string text, string separator, bool last, Budget budget)
    {
        budget.SpendSearch(text.Length, separator.Length);
        if (separator.Length == 0) throw new JinjaException("partition requires a non-empty separator");
        var at = last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        return at < 0 ? last ? ["", "", text] : [text, "", ""] : [text[..at], separator, text[(at + separator.Length)..]];
    }

    public static string Replace(string text, string old, string with, int count, Budget budget)
    {
        if (count == 0) return text;
        if (old.Length == 0)
        {
            var each = CodePoints.Each(text, budget);
            var times = count < 0 ? each.Count + 1 : Math.Min(count, each.Count + 1);
            budget.SpendText(text.Length + (long)with.Length * times);
            var spread = new StringBuilder();
            for (var i = 0; i <= each.Count; i++)
            {
                if (i < times) spread.Append(with);
                if (i < each.Count) spread.Append((string)each[i]!);
            }
            return spread.ToString();
        }
        var found = Count(text, old, budget);
        if (count > 0) found = Math.Min(found, count);
        budget.SpendText(text.Length + found * with.Length);
        if (count < 0) return text.Replace(old, with, StringComparison.Ordinal);
        var (result, from) = (new StringBuilder(), 0);
        for (; found > 0; found--)
        {
            var at = text.IndexOf(old, from, StringComparison.Ordinal);
            result.Append(text, from, at - from).Append(with);
            from = at + old.Length;
        }
        return result.Append(text, from, text.Length - from).ToString();
    }

    private static string Join(string separator, IReadOnlyList<object?> items, Budget budget)
    {
        if (items.FirstOrDefault(item => item is not string) is var other && items.Any(item => item is not string))
            throw new JinjaException($"join requires strings, found a {Python.TypeName(other)}");
        budget.SpendText(items.Sum(item => ((string)item!).Length + (long)separator.Length));
        return string.Join(separator, items);
    }

    private static long Position(string text, Bound bound, string name, Budget budget)
    {
        var part = bound.Text("sub");
        budget.SpendSearch(text.Length, part.Length);
        var length = CodePoints.Count(text);
        var (start, end) = (Clamped(bound.Int("start", 0)), Clamped(bound.Int("end", length)));
        var found = -1;
        if (start <= end)
        {
            var (from, to) = (CodePoints.Offset(text, start), CodePoints.Offset(text, end));
            var at = name[0] == 'r' ? text.AsSpan(from, to - from).LastIndexOf(part) : text.AsSpan(from, to - from).IndexOf(part);
            if (at >= 0) found = CodePoints.Count(text.AsSpan(0, from + at));
        }
        return found >= 0 || name.EndsWith("find", StringComparison.Ordinal) ? found
            : throw new JinjaException($"{name}: the string does not contain '{part}'");

        int Clamped(int at) => Math.Clamp(at < 0 ? at + length : at, 0, length);
    }

    private static long Count(string text, string part, Budget budget)
    {
        budget.SpendSearch(text.Length, part.Length);
        if (part.Length == 0) return CodePoints.Count(text) + 1;
        return text.AsSpan().Count(part);
    }

    private static string ZeroFilled(string text, int width, Budget budget)
    {
        var signed = text.Length > 0 && text[0] is '+' or '-';
        return signed ? text[0] + Padded(text[1..], width - 1, "0", "rjust", budget) : Padded(text, width, "0", "rjust", budget);
    }

    public static string Padded(string text, int width, string fill, string how, Budget budget)
    {
        if (fill.Length != 1) throw new JinjaException($"{how} requires a fill of one character");
        var missing = width - CodePoints.Count(text);
        if (missing <= 0) return text;
        budget.SpendText(width);
        // Like CPython, an odd fill puts the extra blank on the left if the width is odd.
        var left = how switch { "ljust" => 0, "rjust" => missing, _ => missing / 2 + (missing & width & 1) };
        return new string(fill[0], left) + text + new string(fill[0], missing - left);
    }

    /// <summary>Parses a number like Python's <c>int()</c> and <c>float()</c>.</summary>
    public static double? ParseNumber(string text) =>
        double.TryParse(Strip(text, null, true, true).Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture,
            out var value)
            ? value : null;
}
