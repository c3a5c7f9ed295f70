using AlpacaCot.Configuration;
using AlpacaCot.Data.Collection;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Recipes;

/// <summary>Resolves a <c>source</c> of a recipe: a data set of the collection, or a file.</summary>
internal static class RecipeSources
{
    /// <summary>
    /// Resolves a data entry to one or more sources; a named combination expands to its members. The data of a set is the
    /// entry's <c>path</c>, or data of this name in the data folder or in the folder <c>data</c> beside the recipe.
    /// </summary>
    public static IEnumerable<DataSpec> Resolve(DataSpec entry, ConfigurationNode node, KeyContext context)
    {
        if (entry.Source is not { } name) return [entry];
        var folder = node.Location.Folder ?? context.Folder ?? ".";
        var path = Path.GetFullPath(name, Path.GetFullPath(folder));
        if (entry.Path.Length == 0 && (context.Folder is null ? Catalogue.TryResolve(name) is null : DataFiles.Exist(path)))
            return [entry with { Source = null, Path = context.Folder is null ? name : path }];

        var own = CatalogueFile.Find(folder, ".");
        if (Catalogue.TryResolve(name, own) is not { } sets)
        {
            var guess = Spelling.Nearest(name, own.Concat(Catalogue.All).Select(s => s.Entry.Name));
            var missing = entry.Path.Length > 0 ? "there is no set" : $"the file {path} does not exist, and there is no set";
            context.Problems.Add(node.Location, $"{context.Name}: {missing} '{name}' in the collection"
                + (guess is null ? "; \"alpaca-cot data list\" shows the sets" : $"; did you mean {guess}?"));
            return [entry];
        }
        if (sets.Count > 1 && entry.Path.Length > 0)
        {
            context.Problems.Add(node.Location,
                $"{context.Name}: {name} stands for {sets.Count} sets, but one path is given; list them "
                + $"separately: {string.Join(", ", sets.Select(s => s.Entry.Name))}");
            return [entry];
        }
        var found = sets.SelectMany(set =>
            Locate(entry with { Source = set.Entry.Name, Set = set }, set, folder, node, context)).ToList();
        // Sources expanded from one entry divide its share among them; the written recipe contains the group, so that it reads
        // equal.
        return found.Count > 1 && entry is { Share: not null, Group: null }
            ? found.ConvertAll(one => one with { Group = context.Name }) : found;
    }

    private static IReadOnlyList<DataSpec> Locate(DataSpec entry, IInstructionSource set, string folder, ConfigurationNode node,
        KeyContext context)
    {
        if (entry.Path.Length > 0 || context.Folder is null) return [entry];
        string[] folders = [DataFolder.Default, Path.Combine(folder, "data")];
        var found = DataFolder.Find(set, folders);
        if (found.Count > 1 && (entry.Limit is not null || entry.Skip > 0))
            context.Problems.Add(node.Location, $"{context.Name}: {set.Entry.Name} is in {found.Count} locations, but limit "
                + "and skip apply to one; write instead "
                + string.Join(" and ", found.Select(path => $"{{ source: {set.Entry.Name}, path: {path}, limit: N }}")));
        if (found.Count > 0) return [.. found.Select(path => entry with { Path = Path.GetFullPath(path) })];
        var name = set.Entry.Name;
        context.Problems.Add(node.Location,
            $"{context.Name}: the data of {name} is missing; there is no file or folder {name} (such as "
            + $"{name}.jsonl) in {string.Join(" or ", folders.Select(Path.GetFullPath).Distinct())}. Download it with: "
            + $"alpaca-cot data download {name}; or add path: FILE to the entry");
        return [entry];
    }
}
