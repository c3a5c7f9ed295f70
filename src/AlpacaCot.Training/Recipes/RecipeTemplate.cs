using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Training.Recipes;

/// <summary>Resolves the prompt template of a recipe: its <c>template</c>, else the model's.</summary>
public static class RecipeTemplate
{
    /// <summary>Resolves the template without loading the model; see <see cref="ChatFormats.Resolve"/>.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tokenizer">The loaded tokenizer of the recipe; null for none.</param>
    /// <exception cref="Text.InputException">The template does not exist or is damaged.</exception>
    public static ChatFormatChoice Of(Recipe recipe, Tokenizer? tokenizer = null) => ChatFormats.Resolve(recipe.Template, null,
        recipe.Model.Folder ?? Path.GetDirectoryName(Path.GetFullPath(recipe.Model.Init!)), recipe.Model.Tokenizer, tokenizer);
}
