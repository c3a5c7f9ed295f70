using AlpacaCot.Text.Examples;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Recipes;

/// <summary>How the records of a recipe become examples.</summary>
public static class RecipeEncoding
{
    /// <summary>The options of encoding that a recipe's training options set.</summary>
    /// <param name="training">The training options.</param>
    /// <param name="onBadRecord">Called for each record that cannot be encoded, where such records are skipped.</param>
    public static EncodingOptions Of(TrainingOptions training, Action<string>? onBadRecord = null)
    {
        ArgumentNullException.ThrowIfNull(training);
        return new()
        {
            CutoffLength = training.CutoffLength, TrainOnInputs = training.TrainOnInputs, TrainOn = training.TrainOn,
            Roles = training.TrainOnRoles, Reasoning = training.Reasoning, OnBadRecord = training.SkipBad ? onBadRecord : null,
        };
    }

    /// <summary>A text of the options of encoding: it differs where they differ.</summary>
    public static string NameOf(TrainingOptions training) => RecipeFile.Write(new Recipe { Training = Only(training) });

    /// <summary>Training options of which only those of encoding are set.</summary>
    internal static TrainingOptions Only(TrainingOptions training) => new()
    {
        CutoffLength = training.CutoffLength, TrainOnInputs = training.TrainOnInputs, TrainOn = training.TrainOn,
        TrainOnRoles = training.TrainOnRoles, Reasoning = training.Reasoning, SkipBad = training.SkipBad,
    };
}
