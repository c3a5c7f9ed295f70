using AlpacaCot.Data.Preparation;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Estimates;

/// <summary>The size of a micro-batch.</summary>
/// <param name="Rows">Rows of tokens.</param>
/// <param name="Tokens">Tokens of all rows, without padding.</param>
/// <param name="Longest">Tokens of the longest row.</param>
/// <param name="Supervised">Supervised tokens.</param>
/// <param name="Pairs">Pairs of a token and one that it attends to.</param>
public readonly record struct MicroBatchLoad(double Rows, double Tokens, double Longest, double Supervised, double Pairs)
{
    /// <summary>A micro-batch of rows of the same length that are supervised wholly: the largest possible one.</summary>
    public static MicroBatchLoad Full(int rows, int length) =>
        new(rows, (double)rows * length, length, (double)rows * length, rows * (length * (length + 1.0) / 2));

    /// <summary>The tokens that a pass computes.</summary>
    /// <param name="packs">Whether the rows are laid end to end; otherwise they are padded to the longest.</param>
    public double Computed(bool packs) => packs ? Tokens : Rows * Longest;
}

/// <summary>The micro-batches of a run, from the lengths of its examples.</summary>
/// <param name="train">The training examples.</param>
/// <param name="validation">The validation examples.</param>
/// <param name="options">The options of the run.</param>
public sealed class RunLoad(ExampleSet train, ExampleSet validation, TrainingOptions options)
{
    /// <summary>The steps whose micro-batches are counted.</summary>
    internal const int MostSteps = 1000;

    private readonly MicroBatchLoad[] _examples = Measured(train);

    /// <summary>Reads the data of a recipe.</summary>
    /// <exception cref="InputException">The data or the tokenizer cannot be read.</exception>
    public static RunLoad Of(Recipe recipe)
    {
        var tokenizer = Tokenizer.Load(recipe.Model.Tokenizer
            ?? (recipe.Model.Init is { } init ? Path.GetDirectoryName(init)! : recipe.Model.Folder!));
        var data = PreparedData.Load(recipe, tokenizer, RecipeTemplate.Of(recipe, tokenizer).Format,
            ObjectiveRegistry.Create(recipe.Training), cache: EncodedCache.OfUser());
        return new(data.Train, data.Validation, recipe.Training);
    }

    /// <summary>The optimizer steps of the run.</summary>
    public int Steps => Sampler(options.MicroBatchSize).TotalSteps;

    /// <summary>The number of training examples.</summary>
    public int Examples => train.Count;

    /// <summary>The sizes of the run's micro-batches; those of a long run are the first thousand steps'.</summary>
    /// <param name="microBatchSize">The size of a micro-batch in examples.</param>
    /// <param name="cutoff">The length that examples are cut off at; null: as they are.</param>
    public IEnumerable<MicroBatchLoad> MicroBatches(int microBatchSize, int? cutoff = null)
    {
        var sampler = Sampler(microBatchSize);
        for (var step = 0; step < Math.Min(MostSteps, sampler.TotalSteps); step++)
            foreach (var examples in sampler.Examples(step))
                yield return Sum(examples.Select(i => cutoff is { } limit ? Cut(_examples[i], limit) : _examples[i]));
    }

    /// <summary>The size of each validation batch.</summary>
    public IEnumerable<MicroBatchLoad> Validation() =>
        Measured(validation).OrderBy(e => e.Longest).Chunk(options.MicroBatchSize).Select(Sum);

    /// <summary>The number of validations.</summary>
    public int Validations => validation.Count == 0 ? 0 : 1 + (Steps + Interval - 1) / Interval;

    /// <summary>The number of checkpoints.</summary>
    public int Checkpoints => (Steps + Saved - 1) / Saved;

    private int Saved => options.SaveSteps ?? Sampler(options.MicroBatchSize).StepsPerEpoch;

    private int Interval => options.EvalSteps ?? Sampler(options.MicroBatchSize).StepsPerEpoch;

    private EpochSampler Sampler(int microBatchSize) => new(train, new SamplingOptions(options.BatchSize, microBatchSize,
        options.Epochs, options.MaxSteps, options.GroupByLength, options.Seed));

    private static MicroBatchLoad Sum(IEnumerable<MicroBatchLoad> loads) => loads.Aggregate((a, b) => new(a.Rows + b.Rows,
        a.Tokens + b.Tokens, Math.Max(a.Longest, b.Longest), a.Supervised + b.Supervised, a.Pairs + b.Pairs));

    private static MicroBatchLoad Cut(MicroBatchLoad load, int length)
    {
        var share = Math.Min(1, length / load.Longest);
        return new(load.Rows, load.Tokens * share, load.Longest * share, load.Supervised * share, load.Pairs * share * share);
    }

    private static MicroBatchLoad[] Measured(ExampleSet examples) => [.. Enumerable.Range(0, examples.Count).Select(i =>
    {
        var batch = examples.Collate([i]);
        return new MicroBatchLoad(batch.Rows, batch.Tokens, batch.Length, batch.Supervised,
            batch.Tokens * (batch.Tokens / (double)batch.Rows + 1) / 2);
    })];
}
