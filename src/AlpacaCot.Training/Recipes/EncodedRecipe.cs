using System.Diagnostics;
using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Objectives;
using static System.FormattableString;

namespace AlpacaCot.Training.Recipes;

/// <summary>What was noted while the data of a recipe was tokenized.</summary>
/// <param name="Dropped">Records without an example.</param>
/// <param name="Truncated">Truncated examples.</param>
/// <param name="Notes">Remarks on files and records.</param>
/// <param name="Counts">The encoder's summary, where there is something to say; else null.</param>
/// <param name="Mixture">The mixture that was read.</param>
/// <param name="Seconds">The time of reading and tokenizing.</param>
internal sealed record EncodingRecord(int Dropped, int Truncated, IReadOnlyList<string> Notes, string? Counts,
    MixtureReport Mixture,
    double Seconds);

/// <summary>The tokenized data of a recipe before validation examples are split off, from the cache where it is there.</summary>
/// <param name="Training">The training data.</param>
/// <param name="Validation">The validation data of its own; may be empty.</param>
/// <param name="Record">What was noted while it was tokenized.</param>
/// <param name="Note">A remark on the cache; null for none.</param>
internal sealed record EncodedRecipe(EncodedSet Training, EncodedSet Validation, EncodingRecord Record, string? Note)
{
    /// <summary>Opens or makes the tokenized data.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The prompt template.</param>
    /// <param name="objective">The training objective.</param>
    /// <param name="cache">Where tokenized data is kept; null: in memory only.</param>
    /// <param name="embeddings">The rows of the model's embedding: data with a token beyond them is an error, and nothing is
    /// taken from the cache. Null: not checked.</param>
    /// <exception cref="InputException">A file is invalid, or there is no training example.</exception>
    public static EncodedRecipe Of(Recipe recipe, Tokenizer tokenizer, IChatFormat template, IObjective objective,
        EncodedCache? cache, int? embeddings = null)
    {
        var clock = Stopwatch.StartNew();
        var samples = recipe.Validation.Count > 0 || recipe.Training.ValidationSize > 0;
        var making = new Making(recipe, tokenizer, template, objective, samples, embeddings);
        if (cache is null || embeddings is not null
            || EncodingKey.Of(recipe, tokenizer, template, objective, samples) is not { } key)
            return making.InMemory(null);
        string? note = null;
        if (cache.Find(key, damaged => note = damaged) is { } known)
        {
            var found = Opened(known, null);
            return found with
            {
                Note = Invariant($"tokenized data from the cache: {found.Training.Rows.Count:N0} examples in ")
                    + Invariant($"{clock.Elapsed.TotalSeconds:0.0} s; reading and tokenizing took {found.Record.Seconds:0.0} s"),
            };
        }
        try
        {
            return Opened(cache.Write(key, making.Into), note);
        }
        catch (Exception e) when (WriteProblem.Is(e))
        {
            return making.InMemory($"the tokenized data is not cached in {cache.Folder}: {e.Message} "
                + $"{UserCache.FolderVariable} names another folder, or \"off\".");
        }
    }

    private static EncodedRecipe Opened(EncodedSets sets, string? note) =>
        new(sets.Sets[0], sets.Sets[1], JsonSerializer.Deserialize<EncodingRecord>(sets.Description)!, note);

    /// <summary>Reads, renders and tokenizes.</summary>
    private sealed record Making(Recipe Recipe, Tokenizer Tokenizer, IChatFormat Template, IObjective Objective, bool Samples,
        int? Embeddings)
    {
        public EncodedRecipe InMemory(string? note)
        {
            var sets = new List<EncodedSet>();
            var record = Encode((rows, first) => sets.Add(new(EncodedDataset.From(rows), first)));
            return new(sets[0], sets[1], record, note);
        }

        public string Into(EncodedFileWriter file) => JsonSerializer.Serialize(Encode(file.Add));

        private EncodingRecord Encode(Action<IEnumerable<TokenizedExample>, Func<IReadOnlyList<Conversation?>>> store)
        {
            var clock = Stopwatch.StartNew();
            var notes = new List<string>();
            var noted = new HashSet<string>();   // sources that are counted or read several times repeat their notes
            var encoder = new ExampleEncoder(Tokenizer, Template, RecipeEncoding.Of(Recipe.Training, Once) with
            {
                Embeddings = Embeddings,
            });
            var reading = new ReadOptions
            {
                SkipBad = Recipe.Training.SkipBad, Answers = AnswerRule.Filled, OnRecognized = Once, OnBadRecord = Once,
            };
            var mixture = RecipeData.Mixture(Recipe, reading);
            Store(mixture.Read());
            encoder.RequireExamples("training.cutoff_length");
            Store(Recipe.Validation.Count > 0 ? RecipeData.Validation(Recipe, reading).Read() : []);
            var counts = encoder.Dropped + encoder.Truncated + encoder.Bad + encoder.LongTexts > 0 ? encoder.Summary : null;
            return new(encoder.Dropped, encoder.Truncated, notes, counts, mixture.Report!, clock.Elapsed.TotalSeconds);

            void Once(string note)
            {
                if (noted.Add(note)) notes.Add(note);
            }

            void Store(IEnumerable<Conversation> records)
            {
                var sample = new RecordSample();
                var rows = Objective.Encode(encoder, records);
                store(Samples ? sample.Keeping(rows, Objective.RowsPerExample) : rows, () => sample.Kept);
            }
        }
    }
}
