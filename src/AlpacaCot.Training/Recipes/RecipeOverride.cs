using System.Globalization;

namespace AlpacaCot.Training.Recipes;

/// <summary>
/// One <c>--set key=value</c> of the command line, put into the tree before it is read, so that it passes the same checks as
/// the file. Keys are paths: <c>training.learning_rate</c>, <c>adapter.rank</c>, <c>data.0.limit</c>.
/// </summary>
internal static class RecipeOverride
{
    // Parts that may be written as one word; an override of a part inside turns the word into the map it is short for.
    private static readonly Dictionary<string, string> Shorthands = new()
    {
        ["model"] = "path", ["data"] = "path", ["validation"] = "path", ["adapter"] = "method",
    };

    /// <summary>Puts the override into the tree, or reports why that cannot be done.</summary>
    public static void Apply(RecipeNode.Mapping root, string setting, RecipeProblems problems)
    {
        var option = $"--set {setting}";
        var place = new Place("", 0, option);
        var equals = setting.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            problems.Add(place, "write it as key=value, for example --set training.learning_rate=1e-4");
            return;
        }
        Apply(root, setting[..equals].Trim(), RecipeNode.ParseOption(setting[(equals + 1)..].Trim(), option), place, problems);
    }

    /// <summary>Puts a value under a key such as <c>training.learning_rate</c>, or reports why that cannot be done.</summary>
    public static void Apply(RecipeNode.Mapping root, string key, RecipeNode value, Place place, RecipeProblems problems)
    {
        var path = key.Replace("[", ".", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal);
        var steps = path.Split('.');
        if (steps.Any(s => s.Length == 0))
            problems.Add(place, $"'{path}' is not a key; keys look like training.learning_rate or data.0.limit");
        else Set(root, steps, value, place, problems);
    }

    private static void Set(RecipeNode.Mapping root, string[] steps, RecipeNode value, Place place, RecipeProblems problems)
    {
        RecipeNode at = root;
        for (var i = 0; ; i++)
        {
            var last = i == steps.Length - 1;
            switch (at)
            {
                case RecipeNode.Mapping map:
                    var entry = map.Entries.FindIndex(e => e.Name == steps[i]);
                    if (entry < 0)
                    {
                        map.Entries.Add(new RecipeNode.Entry(place, steps[i], new RecipeNode.Mapping(place, [])));
                        entry = map.Entries.Count - 1;
                    }
                    if (last) map.Entries[entry] = new RecipeNode.Entry(place, steps[i], value);
                    else
                    {
                        var next = Open(map.Entries[entry].Value, steps[0], steps[i + 1]);
                        map.Entries[entry] = map.Entries[entry] with { Value = next };
                        at = next;
                    }
                    break;
                case RecipeNode.Sequence list:
                    if (!int.TryParse(steps[i], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                        || index >= list.Items.Count)
                    {
                        problems.Add(place, $"'{steps[i]}' is not an entry of the list {steps[0]}; it has " +
                            (list.Items.Count == 1 ? "one entry, 0" : $"the entries 0 to {list.Items.Count - 1}"));
                        return;
                    }
                    if (last) list.Items[index] = value;
                    else at = list.Items[index] = Open(list.Items[index], steps[0], steps[i + 1]);
                    break;
                default:
                    problems.Add(place,
                        $"{string.Join('.', steps[..i])} is one value ({at.Describe()}); it has no part '{steps[i]}'");
                    return;
            }
            if (last) return;
        }
    }

    // The node under which the next step can be set: null becomes a map, a word the list or map it is short for.
    private static RecipeNode Open(RecipeNode node, string part, string next)
    {
        var place = node.Place;
        if (node.IsNull) return new RecipeNode.Mapping(place, []);
        if (node is not RecipeNode.Scalar || !Shorthands.TryGetValue(part, out var key)) return node;
        if (part is "data" or "validation" && int.TryParse(next, CultureInfo.InvariantCulture, out _))
            return new RecipeNode.Sequence(place, [node]);
        return new RecipeNode.Mapping(place, [new RecipeNode.Entry(place, key, node)]);
    }
}
