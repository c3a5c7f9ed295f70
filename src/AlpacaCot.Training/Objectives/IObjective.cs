using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Objectives;

/// <summary>
/// A training objective: the rows of an example, the loss of a micro-batch and the unit that the loss is averaged over. The
/// trainer adds the gradients of sums over micro-batches and scales them by 1 / weight of the step, so that the result does not
/// depend on the size of micro-batches.
/// </summary>
public interface IObjective
{
    /// <summary>Rows of tokens an example consists of: 1, or 2 for a pair of answers.</summary>
    int RowsPerExample => 1;

    /// <summary>The unit of <see cref="Weight"/> as logged, such as <c>supervised_tokens</c>.</summary>
    string WeightName { get; }

    /// <summary>Encodes conversations: <see cref="RowsPerExample"/> consecutive rows for each that is kept.</summary>
    IEnumerable<TokenizedExample> Encode(ExampleEncoder encoder, IEnumerable<Conversation> conversations);

    /// <summary>The micro-batch of some examples' rows.</summary>
    MicroBatch Collate(IReadOnlyList<TokenizedExample> rows) => MicroBatch.Of(rows);

    /// <summary>The number of units in a micro-batch; one of weight 0 is skipped.</summary>
    int Weight(MicroBatch batch);

    /// <summary>The loss of a micro-batch with weight above 0.</summary>
    ObjectiveLoss Loss(TrainedModel trained, MicroBatch batch);

    /// <summary>The error message of a step without any unit; the step's number is put before it.</summary>
    string EmptyStep { get; }

    /// <summary>The error message of a finite mean loss that shows a fault of model or data; null for a plausible one.</summary>
    /// <param name="loss">The mean loss of a step.</param>
    /// <param name="weight">The step's weight.</param>
    string? Fault(double loss, int weight) => null;
}

/// <summary>A named measurement.</summary>
/// <param name="Name">As in <c>metrics.jsonl</c>: lower case with underscores.</param>
/// <param name="Value">The value.</param>
public sealed record NamedValue(string Name, double Value);

/// <summary>The loss of a micro-batch.</summary>
/// <param name="Sum">The sum over the batch's units, a float32 scalar with gradient where it is recorded.</param>
/// <param name="Others">Further sums over the same units, such as margins of reward; always the same names.</param>
public sealed record ObjectiveLoss(Tensor Sum, params IReadOnlyList<NamedValue> Others);
