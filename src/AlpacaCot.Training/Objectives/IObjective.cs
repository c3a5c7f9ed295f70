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
    /// <summary>The number of token rows in an example: 1, or 2 for a pair of answers.</summary>
    int RowsPerExample => 1;

    /// <summary>The logged name of the unit of <see cref="Weight"/>, such as <c>supervised_tokens</c>.</summary>
    string WeightName { get; }

    /// <summary>Encodes conversations: <see cref="RowsPerExample"/> consecutive rows for each conversation that is not
    /// dropped.</summary>
    IEnumerable<TokenizedExample> Encode(ExampleEncoder encoder, IEnumerable<Conversation> conversations);

    /// <summary>Collates the rows of examples into a micro-batch.</summary>
    MicroBatch Collate(IReadOnlyList<TokenizedExample> rows) => MicroBatch.Of(rows);

    /// <summary>
    /// A name of what <see cref="Encode"/> does, for the cache of tokenized data: the same name gives the same rows of the same
    /// conversations. Null: the rows are not cached.
    /// </summary>
    string? EncodingName => null;

    /// <summary>The number of units in a micro-batch; a batch of weight 0 is skipped.</summary>
    int Weight(MicroBatch batch);

    /// <summary>Computes the loss of a micro-batch with weight above 0.</summary>
    ObjectiveLoss Loss(TrainedModel trained, MicroBatch batch);

    /// <summary>The error message of a step without units; the step's number precedes it.</summary>
    string EmptyStep { get; }

    /// <summary>The error message of a finite mean loss that indicates an error in model or data; null for a plausible
    /// one.</summary>
    /// <param name="loss">The mean loss of a step.</param>
    /// <param name="weight">The step's weight.</param>
    string? Fault(double loss, int weight) => null;
}

/// <summary>A named measurement.</summary>
/// <param name="Name">The name in <c>metrics.jsonl</c>: lower case with underscores.</param>
/// <param name="Value">The value.</param>
public sealed record NamedValue(string Name, double Value);

/// <summary>The loss of a micro-batch.</summary>
/// <param name="Sum">The sum over the batch's units, a float32 scalar with gradient where it is recorded.</param>
/// <param name="Others">Further sums over the same units, such as reward margins; the names are the same in all batches.</param>
public sealed record ObjectiveLoss(Tensor Sum, params IReadOnlyList<NamedValue> Others);
