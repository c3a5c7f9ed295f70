using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Models.Tests;

/// <summary>A file of a project's source.</summary>
/// <param name="Path">Its path, for messages.</param>
/// <param name="Text">Its content.</param>
internal sealed record SourceFile(string Path, string Text);

/// <summary>A file names something that another one, or itself, declares.</summary>
/// <param name="From">The namespace that names it.</param>
/// <param name="To">The namespace that declares it.</param>
/// <param name="Name">The type or the extension method.</param>
/// <param name="At">The file and the line, as <c>path:line</c>.</param>
/// <param name="DeclaredIn">The file that declares it.</param>
internal sealed record Arrow(string From, string To, string Name, string At, string DeclaredIn);

/// <summary>
/// Which namespaces of one project use which others. It works on the text: comments and strings are blanked, declarations are
/// found by keyword and brace depth, and a name refers to a type as C# looks it up: in the file's own namespace, in those around
/// it, then in the imported ones. A member that has the name of a visible type counts as that type.
/// </summary>
internal static partial class SourceGraph
{
    private sealed record Parsed(string Path, string Code, string Namespace, HashSet<string> Imported);

    /// <summary>One arrow for each place that names something, those within a namespace among them.</summary>
    public static IReadOnlyList<Arrow> Arrows(IEnumerable<SourceFile> files)
    {
        List<Parsed> parsed = [.. files.Select(Parse)];
        var types = new Dictionary<string, Dictionary<string, string>>();       // namespace: type: file
        var extensions = new Dictionary<string, Dictionary<string, string>>();  // namespace: method: file
        foreach (var file in parsed)
        {
            foreach (var name in Declared(file.Code)) In(types, file.Namespace)[name] = file.Path;
            foreach (Match method in ExtensionMethod().Matches(file.Code))
                In(extensions, file.Namespace)[method.Groups[1].Value] = file.Path;
        }
        return [.. parsed.SelectMany(file => Arrows(file, types, extensions))];
    }

    private static Dictionary<string, string> In(Dictionary<string, Dictionary<string, string>> all, string space) =>
        all.TryGetValue(space, out var found) ? found : all[space] = [];

    private static IEnumerable<Arrow> Arrows(Parsed file, Dictionary<string, Dictionary<string, string>> types,
        Dictionary<string, Dictionary<string, string>> extensions)
    {
        List<string> around = [.. Around(file.Namespace)];
        foreach (Match chain in Chain().Matches(file.Code))
        {
            if (Resolve(chain.Value.Split('.'), file, around, types) is var (space, name))
                yield return new Arrow(file.Namespace, space, name, At(chain.Index), types[space][name]);
        }
        foreach (Match call in Call().Matches(file.Code))
        {
            var name = call.Groups[1].Value;
            var space = file.Imported.FirstOrDefault(i => extensions.GetValueOrDefault(i)?.ContainsKey(name) == true);
            if (space is not null)
                yield return new Arrow(file.Namespace, space, name, At(call.Index), extensions[space][name]);
        }

        string At(int index) => $"{file.Path}:{file.Code.AsSpan(0, index).Count('\n') + 1}";
    }

    // The namespace that declares what a dotted name begins with, or nothing.
    private static (string Space, string Name)? Resolve(string[] parts, Parsed file, List<string> around,
        Dictionary<string, Dictionary<string, string>> types)
    {
        foreach (var space in around)
        {
            if (Has(space, parts[0])) return (space, parts[0]);
            var at = space;
            for (var i = 0; i + 1 < parts.Length; i++)
            {
                at = at.Length == 0 ? parts[i] : $"{at}.{parts[i]}";
                if (Has(at, parts[i + 1])) return (at, parts[i + 1]);
            }
        }
        foreach (var space in file.Imported)
            if (Has(space, parts[0])) return (space, parts[0]);
        return null;

        bool Has(string space, string name) => types.GetValueOrDefault(space)?.ContainsKey(name) == true;
    }

    // A.B.C, A.B, A and the global namespace.
    private static IEnumerable<string> Around(string space)
    {
        for (var at = space; at.Length > 0; at = at.LastIndexOf('.') is > 0 and var dot ? at[..dot] : "") yield return at;
        yield return "";
    }

    /// <summary>The namespace that a file's code declares first; empty for none.</summary>
    public static string NamespaceOf(string code) =>
        Namespace().Match(code) is { Success: true } found ? found.Groups[1].Value : "";

    private static Parsed Parse(SourceFile file)
    {
        var code = Code(file.Text);
        var space = NamespaceOf(code);
        var imported = Using().Matches(code).Select(u => u.Groups[1].Value).ToHashSet();
        // The names of the directives themselves are no use of what they import.
        foreach (var directive in (Regex[])[Using(), Namespace()])
            code = directive.Replace(code, match => Blank(match.Value));
        return new Parsed(file.Path, code, space, imported);
    }

    // The types that a file declares outside of other types; those that only the file itself sees do not count.
    private static IEnumerable<string> Declared(string code)
    {
        var (depth, at, outer) = (0, 0, FileScoped(code) ? 0 : 1);
        foreach (Match declaration in Declaration().Matches(code))
        {
            for (; at < declaration.Index; at++) depth += code[at] == '{' ? 1 : code[at] == '}' ? -1 : 0;
            if (depth <= outer && !declaration.Groups["file"].Success) yield return declaration.Groups["name"].Value;
        }
    }

    // Namespace directives are blanked by now: a block's brace is left, a file's semicolon is too.
    private static bool FileScoped(string code) => code.TrimStart() is not ['{', ..];

    private static string Blank(string text) => new([.. text.Select(c => c is '\n' or '{' or ';' ? c : ' ')]);

    /// <summary>The text with comments, strings and characters blanked, line by line as long as before. Code inside the holes of
    /// an interpolated string stays.</summary>
    public static string Code(string text)
    {
        var code = new StringBuilder(text.Length);
        Copy(text, 0, code, hole: 0);
        return code.ToString();
    }

    // Copies code up to the end, or up to the brackets that close a hole; gives the place behind.
    private static int Copy(string text, int at, StringBuilder code, int hole)
    {
        var depth = 0;
        while (at < text.Length)
        {
            var c = text[at];
            if (Starts(text, at, "//")) at = Skip(text, at, End(text, at, "\n"), code);
            else if (Starts(text, at, "/*")) at = Skip(text, at, End(text, at + 2, "*/") + 2, code);
            else if (c == '\'') at = Skip(text, at, EndOfCharacter(text, at), code);
            else if (c is '"' or '$' or '@' && Opening().Match(text, at) is { Success: true } opening && opening.Index == at)
                at = String(text, opening, code);
            else
            {
                if (hole > 0 && c == '}' && depth == 0) return Skip(text, at, at + hole, code);
                depth += c is '{' or '(' or '[' ? 1 : c is '}' or ')' or ']' ? -1 : 0;
                if (hole > 0 && c == ':' && depth == 0 && !Starts(text, at, "::"))
                    return Skip(text, at, End(text, at, "}") + hole, code); // a format
                code.Append(c);
                at++;
            }
        }
        return at;
    }

    private static int String(string text, Match opening, StringBuilder code)
    {
        var (dollars, quotes) = (opening.Value.Count(c => c == '$'), opening.Value.Count(c => c == '"'));
        var (isVerbatim, isRaw) = (opening.Value.Contains('@'), quotes >= 3);
        var at = Skip(text, opening.Index, opening.Index + opening.Length, code);
        if (quotes == 2) return at; // empty
        var close = new string('"', quotes);
        while (at < text.Length)
        {
            if (!isRaw && isVerbatim && Starts(text, at, "\"\"")) at = Skip(text, at, at + 2, code);
            else if (Starts(text, at, close)) return Skip(text, at, at + quotes, code);
            else if (!isRaw && !isVerbatim && text[at] == '\\') at = Skip(text, at, at + 2, code);
            else if (dollars > 0 && !isRaw && Starts(text, at, "{{")) at = Skip(text, at, at + 2, code);
            else if (dollars > 0 && Starts(text, at, new string('{', dollars)))
                at = Copy(text, Skip(text, at, at + dollars, code), code, hole: dollars);
            else at = Skip(text, at, at + 1, code);
        }
        return at;
    }

    private static bool Starts(string text, int at, string what) => text.AsSpan(at).StartsWith(what, StringComparison.Ordinal);

    private static int End(string text, int at, string what) =>
        text.IndexOf(what, Math.Min(at, text.Length), StringComparison.Ordinal) is >= 0 and var end ? end : text.Length;

    private static int EndOfCharacter(string text, int at) =>
        End(text, at + (at + 1 < text.Length && text[at + 1] == '\\' ? 3 : 2), "'") + 1;

    private static int Skip(string text, int from, int to, StringBuilder code)
    {
        to = Math.Min(to, text.Length);
        for (var i = from; i < to; i++) code.Append(text[i] == '\n' ? '\n' : ' ');
        return to;
    }

    [GeneratedRegex("""(\$+@?|@\$?)?("{3,}|"{1,2})""")]
    private static partial Regex Opening();

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^\s*(?:global\s+)?using\s+([\w.]+)\s*;", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"(?<file>\bfile\s+(?:\w+\s+)*)?\b(?:class|struct|interface|enum|record(?:\s+class|\s+struct)?)\s+" +
        @"(?!where\b|class\b|struct\b)(?<name>[A-Z]\w*)|\bdelegate\s+[^;(]*?\b(?<name>[A-Z]\w*)\s*(?:<[^>]*>)?\s*\(")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\bstatic\b[^;{}=]*?\b(\w+)\s*(?:<[^>()]*>)?\(\s*(?:\[[^\]]*\]\s*)?this\s")]
    private static partial Regex ExtensionMethod();

    [GeneratedRegex(@"(?<![\w.@])[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*")]
    private static partial Regex Chain();

    [GeneratedRegex(@"\.\s*(\w+)\s*(?:<[^>()]*>)?\(")]
    private static partial Regex Call();
}

/// <summary>Circles in a directed graph.</summary>
internal static class Cycles
{
    /// <summary>
    /// The shortest circle of each group of nodes that reach each other, as the nodes in order with the first again at the end.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<string>> Of(IEnumerable<(string From, string To)> arrows)
    {
        var next = arrows.Where(a => a.From != a.To).Distinct().ToLookup(a => a.From, a => a.To);
        List<string> nodes = [.. next.Select(group => group.Key).Order(StringComparer.Ordinal)];
        var circles = new List<IReadOnlyList<string>>();
        var seen = new HashSet<string>();
        foreach (var node in nodes)
        {
            if (seen.Contains(node)) continue;
            List<string> group = [.. Reached(node, next).Where(other => Reached(other, next).Contains(node))];
            if (group.Count == 0) continue;
            seen.UnionWith(group);
            circles.Add(group.Order(StringComparer.Ordinal).Select(start => Shortest(start, next))
                .MinBy(circle => circle.Count)!);
        }
        return circles;
    }

    // Everything behind a node; itself only where a way leads back.
    private static HashSet<string> Reached(string node, ILookup<string, string> next)
    {
        var reached = new HashSet<string>();
        var open = new Stack<string>(next[node]);
        while (open.TryPop(out var at))
            if (reached.Add(at))
                foreach (var other in next[at]) open.Push(other);
        return reached;
    }

    private static List<string> Shortest(string start, ILookup<string, string> next)
    {
        var before = new Dictionary<string, string>();
        var open = new Queue<string>([start]);
        while (open.TryDequeue(out var at))
            foreach (var other in next[at].Order(StringComparer.Ordinal))
            {
                if (other == start)
                {
                    List<string> circle = [start];
                    for (var back = at; back != start; back = before[back]) circle.Add(back);
                    circle.Add(start);
                    circle.Reverse();
                    return circle;
                }
                if (before.TryAdd(other, at)) open.Enqueue(other);
            }
        throw new InvalidOperationException($"{start} is on no circle");
    }
}
