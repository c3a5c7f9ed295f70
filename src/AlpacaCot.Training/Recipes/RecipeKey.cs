using System.Globalization;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Recipes;

/// <summary>One key of a recipe, as documented.</summary>
/// <param name="Name">The full name, such as <c>training.learning_rate</c>.</param>
/// <param name="Allowed">What may stand there.</param>
/// <param name="Default">What holds where it is not given; empty for nothing.</param>
/// <param name="Meaning">What it does.</param>
public sealed record RecipeKey(string Name, string Allowed, string Default, string Meaning);

/// <summary>
/// One row of the table of keys: how a value of <typeparamref name="T"/> is checked, stored, written and documented.
/// <c>Read</c> returns the changed record, or the same one after reporting a problem. <c>Write</c> gives the YAML, none to
/// leave it out.
/// </summary>
internal sealed record Key<T>(string Name, string Allowed, string Meaning,
    Func<T, RecipeNode, KeyContext, T> Read, Func<T, string?> Write)
{
    /// <summary>A number in a range.</summary>
    public static Key<T> Number(string name, string allowed, Func<double, bool> valid, string meaning,
        Func<T, double?> get, Func<T, double, T> set) =>
        new(name, allowed, meaning,
            (record, node, context) => node is RecipeNode.Scalar { Quoted: false } s
                && double.TryParse(s.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && double.IsFinite(value) && valid(value)
                    ? set(record, value) : context.Wrong(record, node, allowed),
            record => get(record) is { } value ? Yaml.Number(value) : null);

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public static Key<T> Whole(string name, int least, string meaning, Func<T, int?> get, Func<T, int, T> set) =>
        Whole(name, $"a whole number from {least}", least, meaning, get, set);

    private static Key<T> Whole(string name, string allowed, int least, string meaning, Func<T, int?> get, Func<T, int, T> set) =>
        new(name, allowed, meaning,
            (record, node, context) => node is RecipeNode.Scalar { Quoted: false } s
                && int.TryParse(s.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                && value >= least
                    ? set(record, value) : context.Wrong(record, node, allowed),
            record => get(record)?.ToString(CultureInfo.InvariantCulture));

    /// <summary>True or false.</summary>
    public static Key<T> Flag(string name, string meaning, Func<T, bool> get, Func<T, bool, T> set) =>
        new(name, "true or false", meaning,
            (record, node, context) => node is not RecipeNode.Scalar { Quoted: false } s
                ? context.Wrong(record, node, "true or false")
                : s.Text switch
                {
                    "true" or "True" or "TRUE" => set(record, true),
                    "false" or "False" or "FALSE" => set(record, false),
                    _ => context.Wrong(record, node, "true or false"),
                },
            record => get(record) ? "true" : "false");

    /// <summary>Any text that is not empty.</summary>
    public static Key<T> Text(string name, string allowed, string meaning, Func<T, string?> get, Func<T, string, T> set) =>
        new(name, allowed, meaning,
            (record, node, context) => node is RecipeNode.Scalar { Text.Length: > 0 } s
                ? set(record, s.Text) : context.Wrong(record, node, allowed),
            record => get(record) is { Length: > 0 } value ? Yaml.Text(value) : null);

    /// <summary>The path of a file or folder, made absolute where the recipe's folder is known.</summary>
    public static Key<T> FilePath(string name, string allowed, string meaning, Func<T, string?> get, Func<T, string, T> set) =>
        new(name, allowed, meaning,
            (record, node, context) => node is RecipeNode.Scalar { Text.Length: > 0 } s
                ? set(record, context.FilePath(s)) : context.Wrong(record, node, allowed),
            record => get(record) is { Length: > 0 } value ? Yaml.Text(value) : null);

    /// <summary>One of a few words.</summary>
    public static Key<T> Choice(string name, string[] choices, string meaning, Func<T, string?> get, Func<T, string, T> set)
    {
        var allowed = string.Join(" or ", choices);
        return new(name, allowed, meaning,
            (record, node, context) => node is RecipeNode.Scalar s && choices.Contains(s.Text)
                ? set(record, s.Text) : context.Wrong(record, node, allowed, (node as RecipeNode.Scalar)?.Text, choices),
            get);
    }
}

/// <summary>What a key needs to know while it is read: its full name, the folder of relative paths, where problems go.</summary>
internal sealed record KeyContext(string Name, string? Folder, RecipeProblems Problems)
{
    /// <summary>Reports a value that cannot stand here and returns the record as it was.</summary>
    public T Wrong<T>(T record, RecipeNode node, string allowed, string? word = null, string[]? choices = null)
    {
        var guess = word is null || choices is null ? null : Spelling.Nearest(word, choices);
        var quoted = node is RecipeNode.Scalar { Quoted: true } && !allowed.Contains("text", StringComparison.Ordinal)
            ? " (a number or true/false is written without quotes)" : "";
        Problems.Add(node.Place, $"{Name}: found {node.Describe()}, allowed is {allowed}{quoted}"
            + (guess is null ? "" : $"; did you mean {guess}?"));
        return record;
    }

    /// <summary>
    /// The path a value means: relative to the recipe's folder when the recipe names it, to the current one when an option does.
    /// </summary>
    public string FilePath(RecipeNode.Scalar node) =>
        Folder is null ? node.Text
        : node.Place.Option is not null ? Path.GetFullPath(node.Text)
        : Path.GetFullPath(node.Text, Path.GetFullPath(node.Place.Folder ?? Folder));
}

/// <summary>Values as YAML text.</summary>
internal static class Yaml
{
    /// <summary>A number that reads back as the same number.</summary>
    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A text, quoted where YAML would take it for something else.</summary>
    public static string Text(string value)
    {
        var plain = value.Length > 0 && value.All(c => char.IsLetterOrDigit(c) || c is '.' or '/' or '_' or '-' or '+')
            && (char.IsLetter(value[0]) || value[0] is '.' or '/') && value is not ("null" or "Null" or "NULL");
        return plain ? value : "\"" + string.Concat(value.Select(c => c switch
        {
            '"' => "\\\"",
            '\\' => @"\\",
            _ when char.IsControl(c) || c is '\u2028' or '\u2029' or '\ufeff' => $"\\u{(int)c:x4}",
            _ => c.ToString(),
        })) + "\"";
    }
}
