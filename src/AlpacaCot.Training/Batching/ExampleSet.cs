using AlpacaCot.Data.Preparation;
using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Batching;

/// <summary>Groups encoded rows into the examples of an objective: example i is the i-th group of consecutive rows.</summary>
/// <param name="rows">The rows; an example's rows are consecutive.</param>
/// <param name="objective">Defines the rows of an example and the micro-batch of examples.</param>
public sealed class ExampleSet(EncodedDataset rows, IObjective objective)
{
    /// <summary>The number of examples.</summary>
    public int Count => rows.Count / objective.RowsPerExample;

    /// <summary>The rows.</summary>
    public EncodedDataset Rows => rows;

    /// <summary>The length of an example's longest row in tokens.</summary>
    public int Length(int example)
    {
        var (first, longest) = (example * objective.RowsPerExample, 0);
        for (var row = first; row < first + objective.RowsPerExample; row++) longest = Math.Max(longest, rows.Length(row));
        return longest;
    }

    /// <summary>Collates examples into a micro-batch.</summary>
    public MicroBatch Collate(int[] examples) =>
        objective.Collate([.. examples.SelectMany(RowsOf).Select(row => rows[row])]);

    /// <summary>Splits off examples for validation; see <see cref="EncodedDataset.SplitExamples"/>.</summary>
    /// <exception cref="Text.InputException">The validation part would leave no training examples.</exception>
    public ExampleSplit Split(int validationSize, long seed)
    {
        var (train, validation) = rows.SplitExamples(validationSize, seed, objective.RowsPerExample);
        return new(Select(train), Select(validation), train, validation);
    }

    /// <summary>The examples with these numbers, in this order.</summary>
    public ExampleSet Select(IEnumerable<int> examples) => new(rows.Select(examples.SelectMany(RowsOf)), objective);

    private IEnumerable<int> RowsOf(int example) =>
        Enumerable.Range(example * objective.RowsPerExample, objective.RowsPerExample);
}

/// <summary>Examples split into two parts.</summary>
/// <param name="Train">The training examples.</param>
/// <param name="Validation">The validation examples.</param>
/// <param name="TrainNumbers">The numbers that the training examples had in the whole set.</param>
/// <param name="ValidationNumbers">The numbers that the validation examples had in the whole set.</param>
public sealed record ExampleSplit(ExampleSet Train, ExampleSet Validation, IReadOnlyList<int> TrainNumbers,
    IReadOnlyList<int> ValidationNumbers);
