using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Recipes;

/// <summary>The key of a recipe's tokenized data: a hash over everything that it depends on.</summary>
internal static class EncodingKey
{
    /// <summary>
    /// The key: of the contents of data files and tokenizer, the template, the recipe's settings of data and encoding, and the
    /// program itself. Null where something cannot be named, such as a data set with a converter of the user.
    /// </summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The prompt template.</param>
    /// <param name="objective">The objective.</param>
    /// <param name="sampled">Whether the conversations of the first examples are kept beside the tokens.</param>
    public static string? Of(Recipe recipe, Tokenizer tokenizer, IChatFormat template, IObjective objective, bool sampled)
    {
        List<DataSpec> parts = [.. recipe.Data, .. recipe.Validation];
        if (objective.EncodingName is not { } rows || parts.Any(part => part.Set is { } set && !Catalogue.All.Contains(set)))
            return null;
        // The seed draws the order of a shuffle and the templates of some sets; other data is the same for all seeds.
        var drawn = recipe.Mixture.Order == MixtureOrder.Shuffle || parts.Any(part => part.Set is not null);
        var settings = RecipeFile.Write(new Recipe
        {
            Data = recipe.Data, Validation = recipe.Validation, Mixture = recipe.Mixture,
            Training = RecipeEncoding.Only(recipe.Training) with { Seed = drawn ? recipe.Training.Seed : 0 },
        });
        return Fingerprint.OfAll([rows, settings, template.ToJson(), sampled ? "sampled" : "", .. Programs(objective),
            .. Of(tokenizer), .. parts.SelectMany(FilesOf).SelectMany(file => new[] { file, Fingerprint.OfFile(file) })]);
    }

    // Another build of the code may read or encode otherwise.
    private static IEnumerable<string> Programs(IObjective objective) =>
        new[] { typeof(Tokenizer), typeof(Catalogue), typeof(EncodingKey), objective.GetType() }
            .Select(type => type.Module.ModuleVersionId.ToString());

    private static IEnumerable<string> Of(Tokenizer tokenizer) => TokenizerFiles.Of(tokenizer.Path)
        .SelectMany(file => new[] { file.Name, Fingerprint.Of(file.Content()) });

    private static IEnumerable<string> FilesOf(DataSpec part) => part.Set is null ? DataFiles.Find(part.Path)
        : File.Exists(part.Path) ? [part.Path] : FolderFiles.Below(part.Path).Order(StringComparer.Ordinal);
}
