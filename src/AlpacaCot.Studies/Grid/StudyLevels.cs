using AlpacaCot.Configuration;
using AlpacaCot.Text;
using LevelKey = AlpacaCot.Configuration.Key<AlpacaCot.Studies.Grid.FactorLevel>;

namespace AlpacaCot.Studies.Grid;

/// <summary>One level of a factor: a name and its changes.</summary>
internal sealed record FactorLevel
{
    public string Name { get; init; } = "";

    /// <summary>Recipe keys to set, with their values.</summary>
    public IReadOnlyList<(string Key, ConfigurationNode Value)> Set { get; init; } = [];

    public IReadOnlyList<string> Without { get; init; } = [];
    public IReadOnlyList<string> Only { get; init; } = [];
    public IReadOnlyList<ConfigurationNode> Add { get; init; } = [];
    public bool Trains { get; init; } = true;
    public string? Trigger { get; init; }
}

/// <summary>
/// Parses the levels of a factor: values of the recipe key named by the factor, maps of changes, or, for the factor
/// <c>data</c>, the words <c>leave-one-out</c> and <c>each</c>.
/// </summary>
internal static class StudyLevels
{
    private const string LeaveOneOut = "leave-one-out", Each = "each", Data = "data", Trigger = "trigger";

    private static readonly LevelKey[] Table =
    [
        LevelKey.Text("name", "a text", "name of the level in tables", l => l.Name, (l, v) => l with { Name = v }),
        new("set", "a map such as { adapter.rank: 4 }", "recipe keys to change",
            (l, node, context) => node is ConfigurationNode.Mapping map
                ? l with { Set = [.. map.Entries.Select(e => (e.Name, e.Value))] }
                : context.Wrong(l, node, "a map such as { adapter.rank: 4 }"), _ => null),
        Names("without", "data sets to exclude", (l, v) => l with { Without = v }),
        Names("only", "data sets to keep; all others are excluded", (l, v) => l with { Only = v }),
        new("add", "a list of data as in a recipe", "data sets to add",
            (l, node, _) => l with { Add = node.AsList }, _ => null),
        LevelKey.Flag("train", "false: the base model is evaluated", l => l.Trains, (l, v) => l with { Trains = v }),
        LevelKey.Text("trigger", "a text", "appended to every question", l => l.Trigger,
            (l, v) => l with { Trigger = v }),
    ];

    /// <summary>Keys of a level.</summary>
    public static IReadOnlyList<DocumentedKey> Keys { get; } =
        [.. Table.Select(k => new DocumentedKey(k.Name, k.Allowed, "", k.Meaning))];

    /// <summary>Parses the levels of a factor.</summary>
    /// <param name="factor">The factor's entry in the study.</param>
    /// <param name="sets">Names of the recipe's data sets.</param>
    /// <param name="problems">Collects problems.</param>
    public static IReadOnlyList<FactorLevel> Read(ConfigurationNode.Entry factor, IReadOnlyList<string> sets, Problems problems)
    {
        if (factor.Name == Data && factor.Value is ConfigurationNode.Scalar { Text: LeaveOneOut })
            return
            [
                new FactorLevel { Name = "full" },
                .. sets.Select(set => new FactorLevel { Name = $"w/o {set}", Without = [set] }),
            ];
        if (factor.Name == Data && factor.Value is ConfigurationNode.Scalar { Text: Each })
            return [.. sets.Select(set => new FactorLevel { Name = set, Only = [set] })];
        var context = new KeyContext($"factors.{factor.Name}", null, problems, StudyFile.Schema);
        if (factor.Value is not ConfigurationNode.Sequence { Items.Count: > 0 } list)
        {
            var words = factor.Name == Data ? $", {LeaveOneOut} or {Each}" : "";
            return context.Wrong<IReadOnlyList<FactorLevel>>([], factor.Value, $"a list of levels{words}");
        }
        var levels = list.Items.Select(item => Read(factor.Name, item, context)).ToList();
        foreach (var (level, item) in levels.Zip(list.Items))
        {
            if (levels.Count(l => l.Name == level.Name) > 1)
                problems.Add(item.Location, $"{context.Name}: two levels are named {level.Name}; set different names");
            foreach (var unknown in level.Without.Concat(level.Only).Where(s => !sets.Contains(s)))
                problems.Add(item.Location, $"{context.Name}: the recipe has no data set '{unknown}'. "
                    + Spelling.Suggestion(unknown, [.. sets]));
        }
        return levels;
    }

    private static FactorLevel Read(string factor, ConfigurationNode item, KeyContext context)
    {
        if (item is ConfigurationNode.Mapping)
        {
            var level = Section.Read(item, Table, null, new FactorLevel(), context);
            if (level.Name.Length > 0) return level;
            var name = level switch
            {
                { Trains: false } => "base",
                { Without.Count: > 0 } => $"w/o {string.Join(", ", level.Without)}",
                { Only.Count: > 0 } => string.Join(" + ", level.Only),
                { Set.Count: > 0 } => string.Join(", ", level.Set.Select(s => Named(s.Key, s.Value))),
                { Trigger: { } trigger } => trigger,
                _ => "",
            };
            if (name.Length == 0) context.Problems.Add(item.Location, $"{context.Name}: a level needs a name");
            return level with { Name = name };
        }
        if (factor == Trigger && item is ConfigurationNode.Scalar scalar)
            return new FactorLevel { Name = scalar.Text.Trim().Length > 0 ? scalar.Text.Trim() : "no trigger",
                Trigger = scalar.Text };
        return new FactorLevel { Name = Named(factor, item), Set = [(factor, item)] };
    }

    // "rank 4", "learning_rate 3e-4", but "bloom-7b1" and "prefix-tuning": words need no key, numbers do.
    private static string Named(string key, ConfigurationNode value)
    {
        if (value is ConfigurationNode.Sequence list) return string.Join(" + ", list.Items.Select(item => Named("", item)));
        if (value is not ConfigurationNode.Scalar scalar) return value.Describe();
        var text = scalar.Text.TrimEnd('/');
        return char.IsLetter(text.FirstOrDefault()) && text is not ("true" or "false")
            ? Path.GetFileName(text) : $"{key[(key.LastIndexOf('.') + 1)..]} {text}".Trim();
    }

    private static LevelKey Names(string name, string meaning, Func<FactorLevel, IReadOnlyList<string>, FactorLevel> set) =>
        new(name, "a data set, or a list of them", meaning,
            (level, node, context) => node.Words is { } words ? set(level, words)
                : context.Wrong(level, node, "a data set, or a list of them"), _ => null);
}
