using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Training.Recipes;

/// <summary>The template that a recipe trains with: the one it names, else the model's.</summary>
public static class RecipeTemplate
{
    /// <summary>Resolves the template without loading the model; see <see cref="ChatFormats.Resolve"/>.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tokenizer">The tokenizer of the recipe, if it is loaded.</param>
    /// <exception cref="Text.InputException">There is no such template, or it is damaged.</exception>
    public static ChatFormatChoice Of(Recipe recipe, Tokenizer? tokenizer = null) => ChatFormats.Resolve(recipe.Template, null,
        recipe.Model.Path ?? Path.GetDirectoryName(Path.GetFullPath(recipe.Model.Init!)), recipe.Model.Tokenizer, tokenizer);
}
