using AlpacaCot.Text;

namespace AlpacaCot.Configuration;

/// <summary>Reads, writes and documents the sections of a file by their tables of keys.</summary>
public static class Section
{
    /// <summary>Reads a map over a record of defaults.</summary>
    /// <param name="node">The map, or one word where <paramref name="shorthand"/> names a key.</param>
    /// <param name="keys">The keys of the section.</param>
    /// <param name="shorthand">The key that one word stands for; null: the section is always a map.</param>
    /// <param name="defaults">The values of absent keys.</param>
    /// <param name="context">The name of the section and the collector of problems.</param>
    public static T Read<T>(ConfigurationNode node, IReadOnlyList<Key<T>> keys, string? shorthand, T defaults,
        KeyContext context)
    {
        if (node is ConfigurationNode.Scalar && shorthand is not null) node = node.AsEntry(shorthand);
        if (node is not ConfigurationNode.Mapping map)
            return context.Wrong(defaults, node, $"a map with the keys {string.Join(", ", keys.Select(k => k.Name))}");
        var record = defaults;
        var seen = new Dictionary<string, SourceLocation>();
        foreach (var entry in map.Entries)
        {
            var name = context.Name.Length == 0 ? entry.Name : $"{context.Name}.{entry.Name}";
            if (!seen.TryAdd(entry.Name, entry.Location))
            {
                context.Problems.Add(entry.Location, $"{name} is given twice, first at {seen[entry.Name]}; keep one");
                continue;
            }
            if (keys.FirstOrDefault(k => k.Name == entry.Name) is not { } key)
            {
                context.Problems.Add(entry.Location, Unknown(entry.Name, [.. keys.Select(k => k.Name)], context));
                continue;
            }
            if (entry.Value.IsNull) continue;
            context.Problems.Given[name] = entry.Value.Location;
            record = key.Read(record, entry.Value, context with { Name = name });
        }
        return record;
    }

    /// <summary>The keys that are written, with their values.</summary>
    /// <param name="record">The record.</param>
    /// <param name="keys">The keys of the section.</param>
    /// <param name="start">The record that reading starts from, where it is not the same for all sections of the kind.</param>
    public static IEnumerable<(string Name, string Value)> Values<T>(T record, IReadOnlyList<Key<T>> keys, T? start = default)
    {
        foreach (var key in keys)
            if (key.Write(record) is { } value
                && (value != key.Omitted || start is not null && key.Write(start) != key.Omitted))
                yield return (key.Name, value);
    }

    /// <summary>A map in one line.</summary>
    public static string Flow<T>(T record, IReadOnlyList<Key<T>> keys) => Yaml.Map(Values(record, keys));

    /// <summary>One word where only the key of the short form is set, else a map in one line; null for nothing.</summary>
    public static string? Short<T>(T record, IReadOnlyList<Key<T>> keys, string shorthand) =>
        Values(record, keys).ToList() switch
        {
            [] => null,
            [var only] when only.Name == shorthand => only.Value,
            var several => Yaml.Map(several),
        };

    /// <summary>A map over indented lines.</summary>
    public static string Block<T>(T record, IReadOnlyList<Key<T>> keys) =>
        string.Concat(Values(record, keys).Select(v => $"\n  {v.Name}: {v.Value}"));

    /// <summary>The table as documentation.</summary>
    /// <param name="prefix">The prefix of the names, such as <c>training.</c>.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="defaults">The record that reading starts from.</param>
    public static IEnumerable<DocumentedKey> Document<T>(string prefix, IReadOnlyList<Key<T>> keys, T defaults) =>
        keys.Select(k => new DocumentedKey(prefix + k.Name, k.Allowed,
            k.Write(defaults)?.Trim() is { } value && value != k.Omitted ? value : "", k.Meaning));

    private static string Unknown(string name, List<string> names, KeyContext context)
    {
        var section = context.Name.Length == 0 ? $"a {context.Schema.Kind}" : context.Name;
        var start = $"{section} has no key '{name}'; ";
        if (context.Schema.Remedies.TryGetValue(name.ToLowerInvariant(), out var remedy)) return start + remedy;
        var ours = context.Schema.Synonyms.GetValueOrDefault(name.ToLowerInvariant(), name);
        if (names.Contains(ours)) return start + $"did you mean {ours}?";
        if (YamlMistakes.Hint(name, quoted: false) is { } hint) return start + hint;
        // The right word in the wrong section: learning_rate at the top instead of under training.
        var home = context.Schema.Documented()
            .FirstOrDefault(k => k.Name == ours || k.Name.EndsWith("." + ours, StringComparison.Ordinal))?.Name;
        if (home is not null && home != name) return start + $"did you mean {home}?";
        if (home is not null)
            return start + $"{home} is a key of the {context.Schema.Kind} itself: write it at the top, without indentation";
        return start + (Spelling.Nearest(name, names) is { } near ? $"did you mean {near}?"
            : $"allowed are {string.Join(", ", names)}");
    }

    /// <summary>Tells of a file of another kind.</summary>
    /// <param name="map">The file.</param>
    /// <param name="file">The file as messages name it.</param>
    /// <param name="schema">The kind that it should be.</param>
    /// <exception cref="InputException">The file has a key that only another kind has.</exception>
    public static void RequireKind(ConfigurationNode.Mapping map, string file, Schema schema)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(schema);
        if (map.Entries.Exists(e => schema.Marks.Contains(e.Name))) return;
        foreach (var (key, kind, command) in schema.Others)
            if (map.Entries.Find(e => e.Name == key) is { } found)
                throw new InputException($"{found.Location}: this is a {kind} (it has the key {key}), not a {schema.Kind}; use "
                    + "it with: "
                    + $"alpaca-cot {command} {file}");
    }
}
