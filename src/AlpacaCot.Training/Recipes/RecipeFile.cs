using System.Text;
using AlpacaCot.Configuration;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Recipes;

/// <summary>
/// Reads and writes recipes as YAML. Paths in a recipe are relative to the recipe's own folder, so that a recipe and its data can
/// be moved together; <c>output</c> is relative to the current folder, so that a shared recipe does not fill its folder with
/// runs. Paths in <c>--set</c> options are relative to the current folder, as is usual for command lines.
/// </summary>
public static class RecipeFile
{
    private const int LargestFile = 1 << 20; // bytes; a recipe is about a page of text

    /// <summary>The schema of recipes: short forms, synonyms of keys, and names for messages.</summary>
    public static Schema Schema => RecipeKeys.Schema;

    /// <summary>All keys of a recipe, in the order of the documentation; others are rejected.</summary>
    public static IReadOnlyList<DocumentedKey> Keys { get; } = [.. RecipeKeys.Documented()];

    /// <summary>
    /// Reads a recipe, applies overrides such as <c>training.learning_rate=1e-4</c> and makes its paths absolute.
    /// </summary>
    /// <exception cref="InputException">
    /// The file does not exist, is not valid YAML, or contains invalid settings; the message lists every error with file,
    /// line, key, found value and allowed values.
    /// </exception>
    public static Recipe Load(string path, IReadOnlyList<string>? overrides = null) =>
        Parse(ReadText(path), path, overrides, FolderOf(path));

    /// <summary>
    /// Reads the data and mixture of a recipe; model, output and the other sections may be missing and are not checked.
    /// </summary>
    /// <exception cref="InputException">As for <see cref="Load"/>.</exception>
    public static Recipe LoadData(string path, IReadOnlyList<string>? overrides = null) =>
        ParseData(ReadText(path), path, overrides, FolderOf(path));

    /// <summary>Reads the data and mixture of a recipe's text, as <see cref="LoadData"/>.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="fileName">The file name in messages.</param>
    /// <param name="overrides">Settings <c>key=value</c> that override the text.</param>
    /// <param name="folder">The folder that relative paths start from; null: paths are kept unchanged.</param>
    /// <exception cref="InputException">The text has errors; the message lists all of them.</exception>
    public static Recipe ParseData(string yaml, string fileName, IReadOnlyList<string>? overrides, string? folder)
    {
        var (recipe, problems) = ReadSections(yaml, fileName, overrides, folder);
        RecipeRules.CheckData(recipe, problems);
        problems.ThrowIfAny();
        return recipe;
    }

    /// <summary>Reads a recipe from its text.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="fileName">The file name in messages.</param>
    /// <param name="overrides">Settings <c>key=value</c> that override the text.</param>
    /// <param name="folder">
    /// The folder that relative paths start from: paths are made absolute and must exist. Null: paths are kept unchanged.
    /// </param>
    /// <exception cref="InputException">The recipe has errors; the message lists all of them.</exception>
    public static Recipe Parse(string yaml, string fileName, IReadOnlyList<string>? overrides = null, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        return InputBoundary.Read(fileName, () => ReadWhole(yaml, fileName, overrides, folder));
    }

    private static Recipe ReadWhole(string yaml, string fileName, IReadOnlyList<string>? overrides, string? folder)
    {
        var (recipe, problems) = ReadSections(yaml, fileName, overrides, folder);
        recipe = RecipeRules.Check(recipe, problems, folder is not null);
        problems.ThrowIfAny();
        return recipe;
    }

    private static string Hint(ConfigurationNode root) => root.Hint is { } hint ? $" ({hint})" : "";

    private static string? FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path));

    private static string ReadText(string path)
    {
        if (Directory.Exists(path)) throw new InputException($"{path} is a folder; pass the recipe file in it");
        if (!File.Exists(path)) throw new InputException(ReadProblem.OfMissing(path)
            ?? $"{path}: the recipe file does not exist");
        if (new FileInfo(path).Length > LargestFile) throw new InputException($"{path} is too large to be a recipe (over 1 MB)");
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ReadProblem.Explain(e, path);
        }
    }

    private static (Recipe Recipe, Problems Problems) ReadSections(string yaml, string fileName,
        IReadOnlyList<string>? overrides, string? folder)
    {
        var problems = new Problems(fileName);
        var root = ConfigurationNode.Parse(yaml, fileName, Schema);
        if (root.IsNull) root = new ConfigurationNode.Mapping(root.Location, []);
        if (root is not ConfigurationNode.Mapping map)
            throw new InputException(
                $"{root.Location}: a recipe is a map of keys such as 'model: FOLDER'; found {root.Describe()}" + Hint(root));
        Section.RequireKind(map, fileName, Schema);
        foreach (var setting in overrides ?? []) SettingOverride.Apply(map, setting, Schema, problems);
        return (ReadSections(map, fileName, folder, problems), problems);
    }

    private static Recipe ReadSections(ConfigurationNode.Mapping map, string fileName, string? folder, Problems problems) =>
        Section.Read(map, RecipeKeys.Root, null, new Recipe { File = fileName },
            new KeyContext("", folder, problems, Schema));

    /// <summary>Reads a recipe from a YAML tree; otherwise as <see cref="Parse"/>.</summary>
    /// <param name="map">The tree.</param>
    /// <param name="fileName">The file as messages name it.</param>
    /// <param name="folder">As for <see cref="Parse"/>.</param>
    /// <exception cref="InputException">The recipe has errors; the message lists all of them.</exception>
    public static Recipe Read(ConfigurationNode.Mapping map, string fileName, string? folder)
    {
        var problems = new Problems(fileName);
        var recipe = RecipeRules.Check(ReadSections(map, fileName, folder, problems), problems, folder is not null);
        problems.ThrowIfAny();
        return recipe;
    }

    /// <summary>Reads the YAML tree of a recipe file without checking its keys.</summary>
    /// <exception cref="InputException">The file does not exist or is not a YAML map.</exception>
    public static ConfigurationNode.Mapping ReadTree(string path)
    {
        var root = ConfigurationNode.Parse(ReadText(path), path, Schema, FolderOf(path));
        return root as ConfigurationNode.Mapping
            ?? throw new InputException(
                $"{root.Location}: a recipe is a map of keys such as 'model: FOLDER'; found {root.Describe()}" + Hint(root));
    }

    /// <summary>The recipe as YAML with all values; <see cref="Parse"/> reads an equal recipe from it.</summary>
    public static string Write(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var yaml = new StringBuilder();
        foreach (var key in RecipeKeys.Root)
            if (key.Write(recipe) is { } value)
                yaml.Append(key.Name).Append(value.StartsWith('\n') ? ":" : ": ").Append(value).Append('\n');
        return yaml.ToString();
    }
}
