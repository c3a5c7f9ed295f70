using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;
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

    /// <summary>Reads, renders and tokenizes the data of a recipe, or takes it from the cache.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The prompt template.</param>
    /// <param name="objective">The training objective, which defines examples.</param>
    /// <param name="findOverlap">Whether to look for validation records that nearly repeat a training record, for a note.</param>
    /// <param name="cache">Where tokenized data is kept; null: in memory only.</param>
    /// <param name="embeddings">The rows of the model's embedding; data with a token beyond them is an error. Null: not
    /// checked.</param>
    /// <exception cref="InputException">A file is invalid, or there is no training example.</exception>
    public static PreparedData Load(Recipe recipe, Tokenizer tokenizer, IChatFormat template, IObjective objective,
        bool findOverlap = false, EncodedCache? cache = null, int? embeddings = null)
    {
        var options = recipe.Training;
        var encoded = EncodedRecipe.Of(recipe, tokenizer, template, objective, cache, embeddings);
        var record = encoded.Record;
        List<string> notes = [.. record.Notes];
        var train = new ExampleSet(encoded.Training.Rows, objective);
        var validation = new ExampleSet(encoded.Validation.Rows, objective);
        ExampleSplit? split = null;
        if (options.ValidationSize > 0)
        {
            // Weights, epochs and sizes have repeated records by now: the split keeps all repetitions of one on the same side.
            split = train.Split(options.ValidationSize, options.Seed);
            (train, validation) = (split.Train, split.Validation);
        }
        if (findOverlap && validation.Count > 0)
        {
            var sample = new RecordSample(encoded.Training.First());
            var (ofTraining, ofValidation) = split is null ? (sample, new RecordSample(encoded.Validation.First()))
                : (sample.Of(split.TrainNumbers), sample.Of(split.ValidationNumbers));
            if (SplitOverlap.Note(ofTraining, ofValidation) is { } overlap) notes.Add(overlap);
        }
        if (record.Counts is { } counts) notes.Add(counts);
        if (encoded.Note is { } note) notes.Add(note);
        return new PreparedData(train, validation, record.Dropped, record.Truncated, notes, record.Mixture);
    }
}
