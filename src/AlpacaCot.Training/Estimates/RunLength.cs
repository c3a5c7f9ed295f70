using AlpacaCot.Data.Preparation;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Estimates;

/// <summary>The number of optimizer steps of a recipe.</summary>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Examples">Training examples; null where the steps do not depend on them.</param>
public sealed record RunLength(int Steps, int? Examples)
{
    /// <summary>Computes the steps; the data is read only where the number depends on it.</summary>
    /// <exception cref="InputException">The data or the tokenizer cannot be read.</exception>
    public static RunLength Of(Recipe recipe)
    {
        var options = recipe.Training;
        if (options.MaxSteps is { } fixedSteps) return new(fixedSteps, null);
        var tokenizer = Tokenizer.Load(recipe.Model.Tokenizer
            ?? (recipe.Model.Init is { } init ? Path.GetDirectoryName(init)! : recipe.Model.Folder!));
        var data = PreparedData.Load(recipe, tokenizer, RecipeTemplate.Of(recipe, tokenizer).Format,
            ObjectiveRegistry.Create(options),
            cache: EncodedCache.OfUser());
        var sampler = new EpochSampler(data.Train, new SamplingOptions(options.BatchSize, options.MicroBatchSize, options.Epochs,
            null, options.GroupByLength, options.Seed));
        return new(sampler.TotalSteps, data.Train.Count);
    }
}
