using AlpacaCot.Configuration;
using AlpacaCot.Data.Collection;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Recipes;

/// <summary>Finds the data that a <c>source</c> of a recipe means: a set of the collection, or a file.</summary>
internal static class RecipeSources
{
    /// <summary>
    /// The parts a part of the data stands for: itself, or those of a combination. A set's data is the <c>path</c> beside it, or
    /// what is called like the set in the data folder, or in the folder <c>data</c> beside the recipe.
    /// </summary>
    public static IEnumerable<DataSpec> Resolve(DataSpec part, ConfigurationNode node, KeyContext context)
    {
        if (part.Source is not { } name) return [part];
        var here = node.Location.Folder ?? context.Folder ?? ".";
        var beside = Path.GetFullPath(name, Path.GetFullPath(here));
        if (part.Path.Length == 0 && (context.Folder is null ? Catalogue.TryResolve(name) is null : Path.Exists(beside)))
            return [part with { Source = null, Path = context.Folder is null ? name : beside }];

        var own = CatalogueFile.Find(here, ".");
        if (Catalogue.TryResolve(name, own) is not { } sets)
        {
            var guess = Spelling.Nearest(name, own.Concat(Catalogue.All).Select(s => s.Entry.Name));
            var missing = part.Path.Length > 0 ? "there is no set" : $"there is no file {beside} and no set";
            context.Problems.Add(node.Location, $"{context.Name}: {missing} '{name}' in the collection"
                + (guess is null ? "; \"alpaca-cot data list\" shows the sets" : $"; did you mean {guess}?"));
            return [part];
        }
        if (sets.Count > 1 && part.Path.Length > 0)
        {
            context.Problems.Add(node.Location,
                $"{context.Name}: {name} means {sets.Count} sets, but there is one path; name them one by "
                + $"one: {string.Join(", ", sets.Select(s => s.Entry.Name))}");
            return [part];
        }
        var found = sets.SelectMany(set =>
            Locate(part with { Source = set.Entry.Name, Set = set }, set, here, node, context)).ToList();
        // Several with one share have it together; the written recipe says so, and means the same when it is read again.
        return found.Count > 1 && part is { Share: not null, Group: null }
            ? found.ConvertAll(one => one with { Group = context.Name }) : found;
    }

    private static IReadOnlyList<DataSpec> Locate(DataSpec part, IInstructionSource set, string here, ConfigurationNode node,
        KeyContext context)
    {
        if (part.Path.Length > 0 || context.Folder is null) return [part];
        string[] folders = [DataFolder.Default, Path.Combine(here, "data")];
        var found = DataFolder.Find(set, folders);
        if (found.Count > 1 && (part.Limit is not null || part.Skip > 0))
            context.Problems.Add(node.Location, $"{context.Name}: {set.Entry.Name} lies in {found.Count} places, and limit "
                + "and skip go with one; write instead "
                + string.Join(" and ", found.Select(path => $"{{ source: {set.Entry.Name}, path: {path}, limit: N }}")));
        if (found.Count > 0) return [.. found.Select(path => part with { Path = Path.GetFullPath(path) })];
        var name = set.Entry.Name;
        context.Problems.Add(node.Location,
            $"{context.Name}: the data of {name} is not here; there is no file or folder {name} (such as "
            + $"{name}.jsonl) in {string.Join(" or ", folders.Select(Path.GetFullPath).Distinct())}. Get it with: "
            + $"alpaca-cot data download {name}; or write path: FILE beside source");
        return [part];
    }
}
