using System.Globalization;

namespace AlpacaCot.Configuration;

/// <summary>
/// One row of a table of keys: how a value of the record <typeparamref name="T"/> is checked, stored, written and documented.
/// </summary>
/// <param name="Name">The name in its section.</param>
/// <param name="Allowed">The values it takes, for messages and documentation.</param>
/// <param name="Meaning">The effect, for the documentation.</param>
/// <param name="Read">Returns the changed record, or the same record after reporting a problem.</param>
/// <param name="Write">The value as YAML; null leaves the key out.</param>
public sealed record Key<T>(string Name, string Allowed, string Meaning,
    Func<T, ConfigurationNode, KeyContext, T> Read, Func<T, string?> Write)
{
    /// <summary>The YAML value that is left out of written files, because it is the section's default; null: never left
    /// out.</summary>
    public string? Omitted { get; init; }

    /// <summary>A number in a range.</summary>
    public static Key<T> Number(string name, string allowed, Func<double, bool> valid, string meaning,
        Func<T, double?> get, Func<T, double, T> set) =>
        new(name, allowed, meaning,
            (record, node, context) => node is ConfigurationNode.Scalar { Quoted: false } s
                && Numbers.Real(s.Text) is { } value && valid(value)
                    ? set(record, value) : context.WrongNumber(record, node, allowed, whole: false),
            record => get(record) is { } value ? Yaml.Number(value) : null);

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public static Key<T> Whole(string name, int least, string meaning, Func<T, int?> get, Func<T, int, T> set)
    {
        var allowed = $"a whole number from {least}";
        return new(name, allowed, meaning,
            (record, node, context) => node is ConfigurationNode.Scalar { Quoted: false } s
                && Numbers.Whole(s.Text) is { } value && value >= least
                    ? set(record, value) : context.WrongNumber(record, node, allowed, whole: true),
            record => get(record)?.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A whole number of at least <paramref name="least"/>, or a word that leaves the number to the program.</summary>
    /// <param name="name">The key's name.</param>
    /// <param name="least">The least number.</param>
    /// <param name="word">The word.</param>
    /// <param name="meaning">The effect, for the documentation.</param>
    /// <param name="get">The number; null where the word is written.</param>
    /// <param name="set">Sets the number, or null for the word.</param>
    public static Key<T> WholeOr(string name, int least, string word, string meaning, Func<T, int?> get, Func<T, int?, T> set)
    {
        var allowed = $"a whole number from {least}, or {word}";
        return new(name, allowed, meaning,
            (record, node, context) => node is not ConfigurationNode.Scalar { Quoted: false } s
                ? context.WrongNumber(record, node, allowed, whole: true)
                : s.Text == word ? set(record, null)
                : Numbers.Whole(s.Text) is { } value && value >= least ? set(record, value)
                : context.WrongNumber(record, node, allowed, whole: true),
            record => get(record)?.ToString(CultureInfo.InvariantCulture) ?? word);
    }

    /// <summary>True or false.</summary>
    public static Key<T> Flag(string name, string meaning, Func<T, bool> get, Func<T, bool, T> set) =>
        new(name, "true or false", meaning,
            (record, node, context) => node is not ConfigurationNode.Scalar { Quoted: false } s
                ? context.Wrong(record, node, "true or false")
                : s.Text switch
                {
                    "true" or "True" or "TRUE" => set(record, true),
                    "false" or "False" or "FALSE" => set(record, false),
                    _ => context.Wrong(record, node, "true or false"),
                },
            record => get(record) ? "true" : "false");

    /// <summary>A text that is not empty.</summary>
    public static Key<T> Text(string name, string allowed, string meaning, Func<T, string?> get, Func<T, string, T> set) =>
        new(name, allowed, meaning,
            (record, node, context) => node is ConfigurationNode.Scalar { Text.Length: > 0 } s
                ? set(record, s.Text) : context.Wrong(record, node, allowed),
            record => get(record) is { Length: > 0 } value ? Yaml.Text(value) : null);

    /// <summary>The path of a file or folder, made absolute where the folder of its file is known.</summary>
    public static Key<T> FilePath(string name, string allowed, string meaning, Func<T, string?> get, Func<T, string, T> set) =>
        new(name, allowed, meaning,
            (record, node, context) => node is ConfigurationNode.Scalar { Text.Length: > 0 } s && !s.Text.Contains('\0')
                ? set(record, context.FilePath(s)) : context.Wrong(record, node, allowed),
            record => get(record) is { Length: > 0 } value ? Yaml.Text(value) : null);

    /// <summary>One of a fixed set of words.</summary>
    public static Key<T> Choice(string name, string[] choices, string meaning, Func<T, string?> get, Func<T, string, T> set)
    {
        var allowed = string.Join(" or ", choices);
        return new(name, allowed, meaning,
            (record, node, context) => node is ConfigurationNode.Scalar s && choices.Contains(s.Text)
                ? set(record, s.Text) : context.Wrong(record, node, allowed, choices),
            get);
    }

    /// <summary>One value of an enumeration, by its word.</summary>
    /// <param name="name">The key's name.</param>
    /// <param name="meaning">The effect, for the documentation.</param>
    /// <param name="get">Reads the property; null: nothing is written.</param>
    /// <param name="set">Sets the property.</param>
    /// <param name="words">The words; null: the names of the values in lower case.</param>
    public static Key<T> Word<TEnum>(string name, string meaning, Func<T, TEnum?> get, Func<T, TEnum, T> set,
        Words<TEnum>? words = null) where TEnum : struct, Enum
    {
        words ??= Words<TEnum>.LowerCase;
        return Choice(name, words.All, meaning, record => get(record) is { } value ? words.Of(value) : null,
            (record, word) => set(record, words.Find(word)!.Value));
    }

    /// <summary>One value of an enumeration by its word, or a word for null.</summary>
    /// <param name="name">The key's name.</param>
    /// <param name="meaning">The effect, for the documentation.</param>
    /// <param name="get">Reads the property.</param>
    /// <param name="set">Sets the property.</param>
    /// <param name="words">The words; null: the names of the values in lower case.</param>
    /// <param name="none">The word for null.</param>
    public static Key<T> WordOrNone<TEnum>(string name, string meaning, Func<T, TEnum?> get, Func<T, TEnum?, T> set,
        Words<TEnum>? words = null, string none = "none") where TEnum : struct, Enum
    {
        words ??= Words<TEnum>.LowerCase;
        return Choice(name, [none, .. words.All], meaning, record => get(record) is { } value ? words.Of(value) : none,
            (record, word) => set(record, words.Find(word)));
    }
}
