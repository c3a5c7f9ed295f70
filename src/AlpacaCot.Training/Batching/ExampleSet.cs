using AlpacaCot.Data.Preparation;
using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Batching;

/// <summary>Encoded rows seen as the examples of an objective: example i is the i-th group of rows.</summary>
/// <param name="rows">The rows; an example's rows are consecutive.</param>
/// <param name="objective">Defines the rows of an example and the micro-batch of examples.</param>
public sealed class ExampleSet(EncodedDataset rows, IObjective objective)
{
    /// <summary>Examples.</summary>
    public int Count => rows.Count / objective.RowsPerExample;

    /// <summary>The rows.</summary>
    public EncodedDataset Rows => rows;

    /// <summary>Tokens of the longest row of an example.</summary>
    public int Length(int example)
    {
        var (first, longest) = (example * objective.RowsPerExample, 0);
        for (var row = first; row < first + objective.RowsPerExample; row++) longest = Math.Max(longest, rows.Length(row));
        return longest;
    }

    /// <summary>The micro-batch of these examples.</summary>
    public MicroBatch Collate(int[] examples) =>
        objective.Collate([.. examples.SelectMany(RowsOf).Select(row => rows[row])]);

    /// <summary>Splits off examples for validation; see <see cref="EncodedDataset.Split"/>.</summary>
    public (ExampleSet Train, ExampleSet Validation) Split(int validationSize, long seed)
    {
        var (train, validation) = rows.Split(validationSize, seed, objective.RowsPerExample);
        return (new ExampleSet(train, objective), new ExampleSet(validation, objective));
    }

    private IEnumerable<int> RowsOf(int example) =>
        Enumerable.Range(example * objective.RowsPerExample, objective.RowsPerExample);
}
