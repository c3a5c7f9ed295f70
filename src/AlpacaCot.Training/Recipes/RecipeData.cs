using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Training.Recipes;

/// <summary>Builds the data mixtures of a recipe.</summary>
public static class RecipeData
{
    /// <summary>The training data.</summary>
    /// <exception cref="Text.InputException">Shares or weights are inconsistent; while reading, a file or record is
    /// invalid.</exception>
    public static Mixture Mixture(Recipe recipe, ReadOptions reading) =>
        new(Sources(recipe.Data, recipe, reading), new MixtureOptions
    {
        Order = recipe.Mixture.Order,
        Temperature = recipe.Mixture.Temperature,
        Size = recipe.Mixture.Size,
        Seed = recipe.Training.Seed,
    });

    /// <summary>The validation data: its sources one after another.</summary>
    /// <exception cref="Text.InputException">As for the training data.</exception>
    public static Mixture Validation(Recipe recipe, ReadOptions reading) => new(Sources(recipe.Validation, recipe, reading));

    private static IReadOnlyList<MixtureSource> Sources(IReadOnlyList<DataSpec> parts, Recipe recipe, ReadOptions reading) =>
    [
        .. parts.Select(part => new MixtureSource(part.Source ?? part.Path, () => Records(part, recipe.Training.Seed, reading))
        {
            Weight = part.Weight, Share = part.Share, Group = part.Group, Epochs = part.Epochs, Limit = part.Limit,
            Skip = part.Skip,
        }),
    ];

    private static IEnumerable<Conversation> Records(DataSpec part, long seed, ReadOptions reading)
    {
        reading = reading with { Format = part.Format, Columns = part.Columns };
        return part.Set is { } set
            ? Answered(set.Convert(part.Path, new ConvertOptions { Reading = reading, Seed = seed }), set.Entry.Name, reading)
            : DataFiles.Read(part.Path, reading);
    }

    // The records of a published set are not the user's to correct: those without an answer are left out, and counted.
    private static IEnumerable<Conversation> Answered(IEnumerable<Conversation> records, string name, ReadOptions reading)
    {
        var (count, first) = (0, "");
        foreach (var record in records)
            if (reading.Answers != AnswerRule.Filled || EmptyAnswer.TurnOf(record) == 0) yield return record;
            else if (count++ == 0) first = record.Origin;
        if (count > 0) reading.OnBadRecord?.Invoke($"{name}: {count} records without an answer are left out, the first: {first}");
    }
}
