using AlpacaCot.Text;

namespace AlpacaCot.Training.Recipes;

/// <summary>Reads and writes the parts of a recipe by their table of keys.</summary>
internal static class RecipeSections
{
    /// <summary>
    /// Reads a map over <paramref name="defaults"/>; a single word stands for the key <paramref name="shorthand"/>, where there
    /// is one.
    /// </summary>
    public static T Read<T>(RecipeNode node, Key<T>[] keys, string? shorthand, T defaults, KeyContext context)
    {
        if (node is RecipeNode.Scalar && shorthand is not null)
            node = new RecipeNode.Mapping(node.Place, [new RecipeNode.Entry(node.Place, shorthand, node)]);
        if (node is not RecipeNode.Mapping map)
            return context.Wrong(defaults, node, $"a map with the keys {string.Join(", ", keys.Select(k => k.Name))}");
        var record = defaults;
        var seen = new Dictionary<string, Place>();
        foreach (var entry in map.Entries)
        {
            var name = context.Name.Length == 0 ? entry.Name : $"{context.Name}.{entry.Name}";
            if (!seen.TryAdd(entry.Name, entry.Place))
            {
                context.Problems.Add(entry.Place, $"{name} is given twice, first at {seen[entry.Name]}; keep one");
                continue;
            }
            if (Array.Find(keys, k => k.Name == entry.Name) is not { } key)
            {
                context.Problems.Add(entry.Place, Unknown(entry.Name, context.Name, keys.Select(k => k.Name)));
                continue;
            }
            if (entry.Value.IsNull) continue;
            context.Problems.Given[name] = entry.Value.Place;
            record = key.Read(record, entry.Value, context with { Name = name });
        }
        return record;
    }

    /// <summary>Reads the list of data; one file or map stands for a list of one.</summary>
    public static IReadOnlyList<DataSpec> ReadList(RecipeNode node, KeyContext context)
    {
        var items = node is RecipeNode.Sequence list ? list.Items : [node];
        var data = new List<DataSpec>();
        foreach (var (i, item) in items.Index())
        {
            var name = $"{context.Name}.{i}";
            var spec = Read(item, RecipeKeys.Data, "path", new DataSpec { Line = item.Place.Line }, context with { Name = name });
            if (item is RecipeNode.Mapping map && !map.Entries.Any(e => e.Name is "path" or "source"))
                context.Problems.Add(item.Place, $"{name} names no data; add path: FILE or source: SET");
            data.AddRange(RecipeSources.Resolve(spec, item, context with { Name = name }));
        }
        return data;
    }

    /// <summary><c>{ key: value, ... }</c></summary>
    public static string Flow<T>(T record, Key<T>[] keys) =>
        $"{{ {string.Join(", ", Values(record, keys).Select(v => $"{v.Name}: {v.Value}"))} }}";

    /// <summary>The word where only the shorthand's key is set, a map otherwise.</summary>
    public static string? Short<T>(T record, Key<T>[] keys, string shorthand) => Values(record, keys).ToList() switch
    {
        [] => null,
        [var only] when only.Name == shorthand => only.Value,
        _ => Flow(record, keys),
    };

    /// <summary>A map over indented lines.</summary>
    public static string Block<T>(T record, Key<T>[] keys) =>
        string.Concat(Values(record, keys).Select(v => $"\n  {v.Name}: {v.Value}"));

    /// <summary>A list over indented lines.</summary>
    public static string? Write(IReadOnlyList<DataSpec> data) =>
        data.Count == 0 ? null : string.Concat(data.Select(d => $"\n  - {Flow(d, RecipeKeys.Data)}"));

    private static IEnumerable<(string Name, string Value)> Values<T>(T record, Key<T>[] keys) =>
        keys.Select(k => (k.Name, k.Write(record))).Where(v => v.Item2 is not null)!;

    private static string Unknown(string name, string section, IEnumerable<string> allowed)
    {
        var names = allowed.ToList();
        var where = section.Length == 0 ? "a recipe" : section;
        var ours = RecipeKeys.ElsewhereCalled.GetValueOrDefault(name, name);
        if (names.Contains(ours)) return $"{where} has no key '{name}'; did you mean {ours}?";
        // Right word, wrong place: learning_rate at the top instead of under training.
        var home = RecipeKeys.Documented()
            .FirstOrDefault(k => k.Name == ours || k.Name.EndsWith("." + ours, StringComparison.Ordinal));
        var guess = home?.Name ?? Spelling.Nearest(name, names);
        return $"{where} has no key '{name}'; " +
            (guess is null ? $"allowed are {string.Join(", ", names)}" : $"did you mean {guess}?");
    }
}
