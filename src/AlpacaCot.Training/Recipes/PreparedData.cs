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
    /// <param name="recipe">The recipe.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The prompt template.</param>
    /// <param name="objective">The training objective, which defines examples.</param>
    /// <param name="findOverlap">Whether to look for validation records that nearly repeat a training record, for a note.</param>
    /// <param name="embeddings">The rows of the model's embedding; data with a token beyond them is an error. Null: not
    /// known.</param>
    /// <exception cref="InputException">A file is invalid, or there is no training example.</exception>
    public static PreparedData Load(Recipe recipe, Tokenizer tokenizer, IChatFormat template, IObjective objective,
        bool findOverlap = false, int? embeddings = null)
    {
        var options = recipe.Training;
        var notes = new List<string>();
        var noted = new HashSet<string>();   // sources that are counted or read several times repeat their notes
        var encoder = new ExampleEncoder(tokenizer, template, new EncodingOptions
        {
            CutoffLength = options.CutoffLength, TrainOnInputs = options.TrainOnInputs, TrainOn = options.TrainOn,
            Roles = options.TrainOnRoles, Reasoning = options.Reasoning, Embeddings = embeddings,
            OnBadRecord = options.SkipBad ? Once : null,
        });
        var reading = new ReadOptions
        {
            SkipBad = options.SkipBad, Answers = AnswerRule.Filled, OnRecognized = Once, OnBadRecord = Once,
        };
        var mixture = RecipeData.Mixture(recipe, reading);
        var validates = findOverlap && (recipe.Validation.Count > 0 || options.ValidationSize > 0);
        var (ofTraining, ofValidation) = (Sample(), Sample());
        var train = Encode(mixture, ofTraining);
        encoder.RequireExamples("training.cutoff_length");
        var validation = recipe.Validation.Count > 0 ? Encode(RecipeData.Validation(recipe, reading), ofValidation)
            : Examples([]);
        if (options.ValidationSize > 0)
        {
            // Weights, epochs and sizes have repeated records by now: the split keeps all repetitions of one on the same side.
            var all = train;
            var (kept, split) = all.Rows.SplitExamples(options.ValidationSize, options.Seed, objective.RowsPerExample);
            (train, validation) = (all.Select(kept), all.Select(split));
            if (ofTraining is not null) (ofTraining, ofValidation) = (ofTraining.Of(kept), ofTraining.Of(split));
        }
        if (ofTraining is not null && SplitOverlap.Note(ofTraining, ofValidation!) is { } overlap) notes.Add(overlap);
        if (encoder.Dropped + encoder.Truncated + encoder.Bad + encoder.LongTexts > 0) notes.Add(encoder.Summary);
        return new PreparedData(train, validation, encoder.Dropped, encoder.Truncated, notes, mixture.Report!);

        void Once(string note)
        {
            if (noted.Add(note)) notes.Add(note);
        }

        RecordSample? Sample() => validates ? new RecordSample() : null;

        ExampleSet Encode(Mixture records, RecordSample? sample)
        {
            var rows = objective.Encode(encoder, records.Read());
            return Examples(sample is null ? rows : sample.Keeping(rows, objective.RowsPerExample));
        }

        ExampleSet Examples(IEnumerable<TokenizedExample> rows) => new(EncodedDataset.From(rows), objective);
    }
}
