using System.Text.Json;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Runs;

/// <summary>The identity of a run, which resuming requires to be equal: the resolved recipe and the data.</summary>
/// <param name="Recipe">The resolved recipe as YAML.</param>
/// <param name="Data">The fingerprint of the tokenized data.</param>
/// <param name="Mixture">The training data as read; the tokenized data follows from it, so it is stored but not compared.</param>
internal sealed record RunIdentity(string Recipe, string Data, MixtureReport Mixture)
{
    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public string RecipeHash => Fingerprint.Of(Recipe);

    /// <exception cref="InputException">The folder contains no run, or a run of another recipe or data.</exception>
    public void CheckAgainst(string runFile)
    {
        if (!File.Exists(runFile))
            throw new InputException($"There is no run to resume: {runFile} does not exist. Train without --resume.");
        using var json = JsonDocument.Parse(File.ReadAllText(runFile));
        if (json.RootElement.GetProperty("recipe_sha256").GetString() != RecipeHash)
            throw new InputException(
                $"The recipe has changed since the run in {Path.GetDirectoryName(runFile)} began (compare its recipe.yaml). " +
                "Resume needs the same recipe; start a new run with another output, or with --overwrite.");
        if (json.RootElement.GetProperty("data_sha256").GetString() != Data)
            throw new InputException($"The data has changed since the run in {Path.GetDirectoryName(runFile)} began. " +
                "Resume needs the same data; start a new run with another output, or with --overwrite.");
    }
}
