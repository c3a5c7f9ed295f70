using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Recipes;

/// <summary>The tokenized training and validation examples of a recipe.</summary>
/// <param name="Train">The training examples.</param>
/// <param name="Validation">The validation examples; may be empty.</param>
/// <param name="Dropped">The number of examples dropped because no supervised token is within the cutoff.</param>
/// <param name="Truncated">The number of examples truncated to the cutoff length.</param>
/// <param name="Notes">Remarks on the data, for the user.</param>
/// <param name="Mixture">The training data before it was tokenized: its fingerprint and the records of each source.</param>
public sealed record PreparedData(ExampleSet Train, ExampleSet Validation, int Dropped, int Truncated,
    IReadOnlyList<string> Notes, MixtureReport Mixture)
{
    /// <summary>A hash over the tokens of all examples and their order.</summary>
    public string Fingerprint => $"{Train.Rows.Fingerprint()}+{Validation.Rows.Fingerprint()}";

    /// <summary>Reads, renders and tokenizes the data of a recipe.</summary>
    /// <exception cref="InputException">A file is invalid, or there is no training example.</exception>
    public static PreparedData Load(Recipe recipe, Tokenizer tokenizer, IChatFormat template, IObjective objective)
    {
        var options = recipe.Training;
        var notes = new List<string>();
        var noted = new HashSet<string>();   // sources that are counted or read several times repeat their notes
        var encoder = new ExampleEncoder(tokenizer, template, new EncodingOptions
        {
            CutoffLength = options.CutoffLength, TrainOnInputs = options.TrainOnInputs, TrainOn = options.TrainOn,
            Roles = options.TrainOnRoles, Reasoning = options.Reasoning, OnBadRecord = options.SkipBad ? Once : null,
        });
        var reading = new ReadOptions
        {
            SkipBad = options.SkipBad, Answers = AnswerRule.Filled, OnRecognized = Once, OnBadRecord = Once,
        };
        var mixture = RecipeData.Mixture(recipe, reading);
        var train = Encode(mixture);
        encoder.RequireExamples("training.cutoff_length");
        var validation = recipe.Validation.Count > 0 ? Encode(RecipeData.Validation(recipe, reading)) : Examples([]);
        if (options.ValidationSize > 0) (train, validation) = train.Split(options.ValidationSize, options.Seed);
        if (encoder.Dropped + encoder.Truncated + encoder.Bad + encoder.LongTexts > 0) notes.Add(encoder.Summary);
        return new PreparedData(train, validation, encoder.Dropped, encoder.Truncated, notes, mixture.Report!);

        void Once(string note)
        {
            if (noted.Add(note)) notes.Add(note);
        }

        ExampleSet Encode(Mixture records) => Examples(objective.Encode(encoder, records.Read()));

        ExampleSet Examples(IEnumerable<TokenizedExample> rows) => new(EncodedDataset.From(rows), objective);
    }
}
