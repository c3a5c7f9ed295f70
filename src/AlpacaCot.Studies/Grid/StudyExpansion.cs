using AlpacaCot.Configuration;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>Creates the arms of a study: one recipe for every combination of levels.</summary>
internal static class StudyExpansion
{
    private const int MostArms = 1000;

    public static Study Expand(StudySpec spec, string file, bool files)
    {
        var problems = new Problems(file);
        var (recipe, folder) = BaseRecipe(spec, file);
        foreach (var entry in spec.Set?.Entries ?? [])
            SettingOverride.Apply(recipe, entry.Name, entry.Value.Copy(), entry.Location, RecipeFile.Schema, problems);
        if (spec.Threads is { } threads) Put(recipe, "training.threads", $"{threads}", problems);
        Put(recipe, "output", "study", problems); // replaced by each cell's own folder

        var sets = Sets(recipe).Select(NameOf).ToList();
        if (sets.GroupBy(s => s).FirstOrDefault(same => same.Count() > 1) is { } twice && spec.Factors is not null)
            problems.AddAt("data",
                $"two data sets of the recipe are named {twice.Key}; set different names, e.g. name: {twice.Key}-2");
        var factors = (spec.Factors?.Entries ?? []).Select(f => (f.Name, Levels: StudyLevels.Read(f, sets, problems))).ToList();
        problems.ThrowIfAny();

        var arms = new List<StudyArm>();
        foreach (var combination in Combine(factors, spec.Design, file))
        {
            // With one factor at a time, only the level that differs from the first needs a name.
            var telling = spec.Design == StudyDesign.Grid || arms.Count == 0 ? combination
                : combination.Where((c, i) => c.Level != factors[i].Levels[0]).ToArray();
            var name = string.Join(" · ", telling.Select(c => c.Level.Name));
            arms.Add(Arm(name, combination, recipe, file, files ? folder : null, problems));
        }
        if (arms.All(a => a.Refusal is not null)) throw new InputException($"{file}: no arm can be trained: {arms[0].Refusal}");
        if (spec.Base)
            arms.Add(new StudyArm("base", [new ArmLevel("training", "base", [])], arms.First(a => a.Refusal is null).Recipe)
            {
                Trains = false,
            });
        if (arms.GroupBy(a => a.Name).FirstOrDefault(same => same.Count() > 1) is { } same)
            throw new InputException($"{file}: two arms are named {same.Key}; set names for the levels");
        var reference = spec.Reference is not { } wanted ? arms[0] : arms.Find(a => a.Name == wanted)
            ?? throw new InputException($"{file}: reference: unknown arm '{wanted}'. "
                + Spelling.Suggestion(wanted, [.. arms.Select(a => a.Name)]));
        if (reference.Refusal is { } reason)
            throw new InputException($"{file}: reference: '{reference.Name}' cannot be trained: {reason}");
        return new Study
        {
            File = file, Title = spec.Title ?? Path.GetFileNameWithoutExtension(file), Output = spec.Output, Arms = arms,
            Reference = reference, Seeds = spec.Seeds, Benchmarks = spec.Benchmarks, Threads = spec.Threads, Margin = spec.Margin,
            Judge = spec.Judge, Published = spec.Published,
        };
    }

    private static (ConfigurationNode.Mapping Recipe, string Folder) BaseRecipe(StudySpec spec, string file)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        if (spec.Recipe is not ConfigurationNode.Scalar named)
            return spec.Recipe is ConfigurationNode.Mapping map ? ((ConfigurationNode.Mapping)map.Copy(), folder)
                : throw new InputException($"{spec.Recipe!.Location}: recipe: found {spec.Recipe.Describe()}, expected a file "
                    + $"or a map");
        var path = Path.GetFullPath(named.Text, folder);
        if (!File.Exists(path)) throw new InputException($"{named.Location}: recipe {path} not found");
        return (RecipeFile.ReadTree(path), Path.GetDirectoryName(path)!);
    }

    private static IEnumerable<(string Factor, FactorLevel Level)[]> Combine(
        List<(string Name, IReadOnlyList<FactorLevel> Levels)> factors, StudyDesign design, string file)
    {
        var first = factors.Select(f => (f.Name, f.Levels[0])).ToArray();
        if (design == StudyDesign.OneAtATime)
            return
            [
                first,
                .. factors.SelectMany((factor, i) => factor.Levels.Skip(1).Select(level =>
                    first.Select((f, j) => i == j ? (factor.Name, level) : f).ToArray())),
            ];
        IEnumerable<(string, FactorLevel)[]> all = [[]];
        var count = 1L;
        foreach (var (name, levels) in factors)
        {
            if ((count *= levels.Count) > MostArms)
                throw new InputException($"{file}: the factors have more than {MostArms} combinations; remove some levels, "
                    + "or set design: one-at-a-time");
            all = [.. all.SelectMany(done => levels.Select(level => ((string, FactorLevel)[])[.. done, (name, level)]))];
        }
        return all;
    }

    private static StudyArm Arm(string name, (string Factor, FactorLevel Level)[] combination, ConfigurationNode.Mapping recipe,
        string file,
        string? folder, Problems problems)
    {
        var tree = (ConfigurationNode.Mapping)recipe.Copy();
        foreach (var (_, level) in combination)
        {
            foreach (var (key, value) in level.Set)
                SettingOverride.Apply(tree, key, value.Copy(), value.Location, RecipeFile.Schema, problems);
            ChangeData(tree, level, file);
        }
        problems.ThrowIfAny();
        IReadOnlyList<ArmLevel> levels = [.. combination.Select(c => new ArmLevel(c.Factor, c.Level.Name, c.Level.Without))];
        Recipe read;
        try
        {
            read = RecipeFile.Read(tree, file, folder);
        }
        catch (InputException e) when (e.Refusal is { } reason) // applies to this combination only
        {
            return new StudyArm(name, levels, new Recipe()) { Refusal = reason };
        }
        return new StudyArm(name, levels, read)
        {
            Trains = combination.All(c => c.Level.Trains),
            Trigger = combination.Select(c => c.Level.Trigger).LastOrDefault(t => t is not null),
        };
    }

    private static void ChangeData(ConfigurationNode.Mapping tree, FactorLevel level, string file)
    {
        if (level.Without.Count + level.Only.Count + level.Add.Count == 0) return;
        var at = tree.Entries.FindIndex(e => e.Name == "data");
        var kept = Sets(tree).Where(item => !level.Without.Contains(NameOf(item))
            && (level.Only.Count == 0 || level.Only.Contains(NameOf(item)))).Concat(level.Add.Select(a => a.Copy())).ToList();
        if (kept.Count == 0)
            throw new InputException($"{file}: the level {level.Name} leaves no data; set train: false to evaluate the "
                + $"base model");
        tree.Entries[at] = tree.Entries[at] with { Value = new ConfigurationNode.Sequence(tree.Entries[at].Location, kept) };
    }

    private static IReadOnlyList<ConfigurationNode> Sets(ConfigurationNode.Mapping tree) =>
        tree.Entries.Find(e => e.Name == "data")?.Value switch
        {
            ConfigurationNode.Sequence list => list.Items,
            { IsNull: false } one => [one],
            _ => [],
        };

    // Display name of a data set: its name, its source, or its file name without folder and extension.
    private static string NameOf(ConfigurationNode data)
    {
        if (data is ConfigurationNode.Scalar word) return Path.GetFileName(word.Text).Split('.')[0];
        var map = data as ConfigurationNode.Mapping;
        string? Text(string key) => (map?.Entries.Find(e => e.Name == key)?.Value as ConfigurationNode.Scalar)?.Text;
        return Text("name") ?? Text("source") ?? Path.GetFileName(Text("path") ?? "").Split('.')[0];
    }

    private static void Put(ConfigurationNode.Mapping recipe, string key, string value, Problems problems)
    {
        var location = recipe.Location;
        SettingOverride.Apply(recipe, key, new ConfigurationNode.Scalar(location, value, Quoted: false), location,
            RecipeFile.Schema, problems);
    }
}
