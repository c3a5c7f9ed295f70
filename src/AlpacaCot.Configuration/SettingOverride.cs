using System.Globalization;

namespace AlpacaCot.Configuration;

/// <summary>
/// One <c>--set key=value</c> of the command line, put into the tree before it is read, so that it passes the same checks as
/// the file. Keys are paths: <c>training.learning_rate</c>, <c>adapter.rank</c>, <c>data.0.limit</c>.
/// </summary>
public static class SettingOverride
{
    /// <summary>Puts the override into the tree; reports a malformed key or value to <paramref name="problems"/>.</summary>
    /// <param name="root">The tree of the file.</param>
    /// <param name="setting">The override as <c>key=value</c>.</param>
    /// <param name="schema">The kind of file.</param>
    /// <param name="problems">Collects the errors.</param>
    public static void Apply(ConfigurationNode.Mapping root, string setting, Schema schema, Problems problems)
    {
        var option = $"--set {setting}";
        var location = new SourceLocation("", 0, option);
        var equals = setting.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            problems.Add(location, $"write it as key=value, for example --set {schema.ExampleOverride}");
        else
            Apply(root, setting[..equals].Trim(), ConfigurationNode.ParseOption(setting[(equals + 1)..].Trim(), option, schema),
                location, schema, problems);
    }

    /// <summary>Puts a value at a key such as <c>training.learning_rate</c>; reports a malformed key or value to
    /// <paramref name="problems"/>.</summary>
    /// <param name="root">The tree of the file.</param>
    /// <param name="key">The full name of the key; entries of a list by their number.</param>
    /// <param name="value">The value.</param>
    /// <param name="location">The location of the override.</param>
    /// <param name="schema">The kind of file.</param>
    /// <param name="problems">Collects the errors.</param>
    public static void Apply(ConfigurationNode.Mapping root, string key, ConfigurationNode value, SourceLocation location,
        Schema schema, Problems problems)
    {
        var path = key.Replace("[", ".", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal);
        var steps = path.Split('.');
        if (steps.Any(s => s.Length == 0))
            problems.Add(location,
                $"'{path}' is not a key; keys look like {schema.Examples.First} or {schema.Examples.Second}");
        else Set(root, steps, value, location, schema, problems);
    }

    private static void Set(ConfigurationNode.Mapping root, string[] steps, ConfigurationNode value, SourceLocation location,
        Schema schema, Problems problems)
    {
        ConfigurationNode at = root;
        for (var i = 0; ; i++)
        {
            var last = i == steps.Length - 1;
            switch (at)
            {
                case ConfigurationNode.Mapping map:
                    var entry = map.Entries.FindIndex(e => e.Name == steps[i]);
                    if (entry < 0)
                    {
                        var empty = new ConfigurationNode.Mapping(location, []);
                        map.Entries.Add(new ConfigurationNode.Entry(location, steps[i], empty));
                        entry = map.Entries.Count - 1;
                    }
                    if (last) map.Entries[entry] = new ConfigurationNode.Entry(location, steps[i], value);
                    else
                    {
                        var next = Open(map.Entries[entry].Value, steps[0], steps[i + 1], schema);
                        map.Entries[entry] = map.Entries[entry] with { Value = next };
                        at = next;
                    }
                    break;
                case ConfigurationNode.Sequence list:
                    if (!int.TryParse(steps[i], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                        || index >= list.Items.Count)
                    {
                        problems.Add(location, $"'{steps[i]}' is not an entry of the list {steps[0]}; it has " +
                            (list.Items.Count == 1 ? "one entry, 0" : $"the entries 0 to {list.Items.Count - 1}"));
                        return;
                    }
                    if (last) list.Items[index] = value;
                    else at = list.Items[index] = Open(list.Items[index], steps[0], steps[i + 1], schema);
                    break;
                default:
                    problems.Add(location,
                        $"{string.Join('.', steps[..i])} is one value ({at.Describe()}) and has no key '{steps[i]}'");
                    return;
            }
            if (last) return;
        }
    }

    // The node under which the next step can be set: null becomes a map, a word becomes the list or map that it is short for.
    private static ConfigurationNode Open(ConfigurationNode node, string part, string next, Schema schema)
    {
        if (node.IsNull) return new ConfigurationNode.Mapping(node.Location, []);
        if (node is not ConfigurationNode.Scalar || !schema.Shorthands.TryGetValue(part, out var key)) return node;
        return schema.Lists.Contains(part) && int.TryParse(next, CultureInfo.InvariantCulture, out _)
            ? new ConfigurationNode.Sequence(node.Location, [node]) : node.AsEntry(key);
    }
}
