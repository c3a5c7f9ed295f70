using AlpacaCot.Data;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Conversations;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Templates;
using AlpacaCot.Data.Tokenization;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training;

/// <summary>The tokenized training and validation examples of a recipe.</summary>
/// <param name="Train">Examples to learn from.</param>
/// <param name="Validation">Examples to measure on; may be none.</param>
/// <param name="Dropped">Examples left out because nothing supervised was left after the cut.</param>
/// <param name="Truncated">Examples cut at the cutoff length.</param>
/// <param name="Notes">What a person should know about the data.</param>
public sealed record PreparedData(EncodedDataset Train, EncodedDataset Validation, int Dropped, int Truncated, IReadOnlyList<string> Notes)
{
    /// <summary>A hash over the tokens of all examples and their order.</summary>
    public string Fingerprint => $"{Train.Fingerprint()}+{Validation.Fingerprint()}";

    /// <summary>Reads, templates and tokenizes the data of a recipe.</summary>
    /// <exception cref="InputException">A file is broken, or nothing to train on is left.</exception>
    public static PreparedData Load(Recipe recipe, Tokenizer tokenizer, PromptTemplate template)
    {
        var options = recipe.Training;
        var notes = new List<string>();
        var encoder = new ExampleEncoder(tokenizer, template,
            new EncodingOptions { CutoffLength = options.CutoffLength, TrainOnInputs = options.TrainOnInputs });
        var train = Encode(recipe.Data, encoder, options, notes);
        encoder.RequireExamples("training.cutoff_length");
        var validation = recipe.Validation.Count > 0 ? Encode(recipe.Validation, encoder, options, notes) : EncodedDataset.From([]);
        if (options.ValidationSize > 0) (train, validation) = train.Split(options.ValidationSize, options.Seed);
        if (encoder.Dropped + encoder.Truncated > 0) notes.Add(encoder.Summary);
        return new PreparedData(train, validation, encoder.Dropped, encoder.Truncated, notes);
    }

    private static EncodedDataset Encode(IReadOnlyList<DataSpec> parts, ExampleEncoder encoder, TrainingOptions options, List<string> notes)
    {
        var reading = new ReadOptions { SkipBad = options.SkipBad, OnBadRecord = notes.Add, OnRecognized = notes.Add };
        return EncodedDataset.From(encoder.EncodeAll(parts.SelectMany(part => Records(part, reading, options.Seed)), Environment.ProcessorCount));
    }

    private static IEnumerable<Conversation> Records(DataSpec part, ReadOptions reading, int seed)
    {
        reading = reading with { Format = part.Format, Columns = part.Columns };
        var all = part.Set?.Convert(part.Path, new ConvertOptions { Reading = reading, Seed = seed }) ?? InstructionFile.Read(part.Path, reading);
        var records = all.Skip(part.Skip);
        if (part.Limit is { } limit) records = records.Take(limit);
        // A weight of 2.5 takes records twice and thrice in turn, one of 0.5 every other record.
        return part.Weight == 1 ? records : records.SelectMany((record, i) =>
            Enumerable.Repeat(record, (int)(Math.Floor((i + 1) * part.Weight) - Math.Floor(i * part.Weight))));
    }
}
