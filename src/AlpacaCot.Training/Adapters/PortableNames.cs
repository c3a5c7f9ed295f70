using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Adapters;

/// <summary>Names for files that leave this machine: an adapter and its card contain no paths of their author's
/// folders.</summary>
internal static class PortableNames
{
    /// <summary>The hub id of a model in the hub's cache (<c>models--org--name/snapshots/..</c>), else the name of its folder or
    /// file.</summary>
    public static string OfModel(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return HubLayout.ModelIdOf(full) ?? Path.GetFileName(full);
    }

    /// <summary>A recipe whose paths are names.</summary>
    public static Recipe In(Recipe recipe)
    {
        static string? Last(string? path) => path is null ? null
            : Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        static IReadOnlyList<DataSpec> Files(IReadOnlyList<DataSpec> data) =>
            [.. data.Select(d => d with { Path = Last(d.Path)! })];
        return recipe with
        {
            Output = "runs/again", // the run's own folder is irrelevant to others
            Model = recipe.Model with
            {
                Path = recipe.Model.Path is { } model ? OfModel(model) : null,
                Init = Last(recipe.Model.Init), Tokenizer = Last(recipe.Model.Tokenizer),
            },
            Template = recipe.Template is { } template && Path.IsPathRooted(template) ? Last(template) : recipe.Template,
            Data = Files(recipe.Data), Validation = Files(recipe.Validation),
            Adapter = recipe.Adapter.Init is { } init ? recipe.Adapter with { Init = OfRun(init) } : recipe.Adapter,
        };
    }

    // runs/first/adapter is known by the name of its run.
    private static string OfRun(string init)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(init));
        var name = Path.GetFileName(full);
        return name == "adapter" && Path.GetFileName(Path.GetDirectoryName(full)) is { Length: > 0 } run ? $"{run}/{name}" : name;
    }
}
