using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>
/// Mean lengths in tokens for estimates: of the first records and questions where model and data are at hand, else those typical
/// of instruction data.
/// </summary>
internal sealed class MeanLengths
{
    private const int Sample = 100; // records or questions that are encoded
    private const double TypicalRecord = 120, TypicalAnswer = 60, TypicalQuestion = 80;

    private readonly Dictionary<string, ExampleEncoder?> _encoders = [];
    private readonly Dictionary<string, double?> _records = [];
    private readonly Dictionary<string, (double Question, double Answer)> _questions = [];

    /// <summary>The mean length of a recipe's training examples.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="records">The number of records of each source; null: unknown.</param>
    public double OfRecord(Recipe recipe, IReadOnlyList<long?> records)
    {
        var (tokens, total) = (0.0, 0.0);
        foreach (var (data, count) in recipe.Data.Zip(records))
        {
            var weight = data.Share ?? (count ?? 1) * data.Weight;
            tokens += weight * (Measured(recipe, data) ?? Math.Min(TypicalRecord, recipe.Training.CutoffLength));
            total += weight;
        }
        return total > 0 ? tokens / total : TypicalRecord;
    }

    /// <summary>The mean lengths of a benchmark's prompts and answers under a recipe's template.</summary>
    public (double Question, double Answer) OfQuestion(Recipe recipe, StudyBenchmark benchmark)
    {
        var key = $"{Key(recipe)} {benchmark.Name} {benchmark.Path} {benchmark.Shots}";
        if (_questions.TryGetValue(key, out var known)) return known;
        var found = (TypicalQuestion, TypicalAnswer);
        if (Path.Exists(benchmark.Path) && Encoder(recipe) is { } encoder)
            try
            {
                var about = BenchmarkSuite.Find(benchmark.Name);
                var questions = BenchmarkSuite.Read(about, benchmark.Path, benchmark.Options).Take(Sample).ToList();
                var prompt = questions.Average(q => (double)encoder.EncodePrompt(
                    new Conversation([new Turn(Role.User, q.Prompt, q.Input)])).Length);
                var longest = benchmark.MaxNewTokens ?? about.About.MaxNewTokens;
                var answered = questions.Where(q => q.Choices.Count == 0 && q.References.Count > 0).ToList();
                var answer = questions.All(q => q.Choices.Count > 0) ? 1
                    : answered.Count == 0 || about.About.IsJudged ? Math.Min(TypicalAnswer, longest)
                    : Math.Min(longest, answered.Average(q => encoder.Encode(Conversation.PlainText(q.References[0])) is { } text
                        ? text.Ids.Length : TypicalAnswer));
                found = (prompt, answer);
            }
            catch (InputException)
            {
                // a run of the cell reports the reason
            }
        return _questions[key] = found;
    }

    private double? Measured(Recipe recipe, DataSpec data)
    {
        var key = $"{Key(recipe)} {data.Source} {data.Path}";
        if (_records.TryGetValue(key, out var known)) return known;
        double? mean = null;
        if (Path.Exists(data.Path) && Encoder(recipe) is { } encoder)
            try
            {
                var first = new Recipe { Data = [data with { Limit = Sample, Weight = 1, Share = null, Group = null,
                    Epochs = null }] };
                var lengths = RecipeData.Mixture(first, new() { SkipBad = true }).Read().Select(encoder.Encode)
                    .OfType<TokenizedExample>().Select(e => (double)e.Ids.Length).ToList();
                if (lengths.Count > 0) mean = lengths.Average();
            }
            catch (InputException)
            {
                // a run of the cell reports the reason
            }
        return _records[key] = mean;
    }

    private ExampleEncoder? Encoder(Recipe recipe)
    {
        var key = Key(recipe);
        if (_encoders.TryGetValue(key, out var known)) return known;
        ExampleEncoder? encoder = null;
        try
        {
            if (Source(recipe) is { } path)
            {
                var tokenizer = Tokenizer.Load(path);
                encoder = new ExampleEncoder(tokenizer, RecipeTemplate.Of(recipe, tokenizer).Format,
                    RecipeEncoding.Of(recipe.Training));
            }
        }
        catch (InputException)
        {
            // without a tokenizer typical lengths are used
        }
        return _encoders[key] = encoder;
    }

    private static string? Source(Recipe recipe)
    {
        var path = recipe.Model.Tokenizer ?? recipe.Model.Path ?? Path.GetDirectoryName(recipe.Model.Init);
        return Path.Exists(path) ? path : null;
    }

    private static string Key(Recipe recipe) => $"{Source(recipe)} {recipe.Template} {RecipeEncoding.NameOf(recipe.Training)}";
}
