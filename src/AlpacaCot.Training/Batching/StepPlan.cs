using AlpacaCot.Data.Preparation;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Batching;

/// <summary>Which examples each optimizer step sees.</summary>
public interface IStepPlan
{
    /// <summary>Optimizer steps of the run.</summary>
    int TotalSteps { get; }

    /// <summary>Optimizer steps that see every example once.</summary>
    int StepsPerEpoch { get; }

    /// <summary>The micro-batches of a step, counted from 0.</summary>
    IReadOnlyList<MicroBatch> Step(int step);
}

/// <summary>
/// Every example once an epoch, in an order that is a function of seed and epoch alone: a resumed run needs only its step
/// number to continue where it was. The last step of an epoch may be smaller; no example is left out.
/// </summary>
public sealed class EpochPlan : IStepPlan
{
    private const int BatchesPerGroup = 50;

    private readonly EncodedDataset data;
    private readonly int batchSize, microBatchSize, seed;
    private readonly bool groupByLength;
    private int[] order = [];
    private int orderedEpoch = -1;

    /// <summary>A plan over a data set.</summary>
    /// <param name="data">The examples.</param>
    /// <param name="batchSize">Examples an optimizer step.</param>
    /// <param name="microBatchSize">Examples at once through the model.</param>
    /// <param name="epochs">Passes over the data; a part of a pass is allowed.</param>
    /// <param name="maxSteps">Steps, instead of epochs.</param>
    /// <param name="groupByLength">Batches of similar length: less padding.</param>
    /// <param name="seed">The seed of the order.</param>
    public EpochPlan(EncodedDataset data, int batchSize, int microBatchSize, double epochs, int? maxSteps, bool groupByLength,
        int seed)
    {
        (this.data, this.batchSize, this.microBatchSize, this.groupByLength, this.seed) =
            (data, batchSize, microBatchSize, groupByLength, seed);
        StepsPerEpoch = (data.Count + batchSize - 1) / batchSize;
        TotalSteps = maxSteps ?? Math.Max(1, (int)Math.Ceiling(StepsPerEpoch * epochs - 1e-9));
    }

    /// <summary>All examples once, in batches of similar length, for measuring.</summary>
    public static IReadOnlyList<MicroBatch> Sequential(EncodedDataset data, int batchSize) =>
        [.. Enumerable.Range(0, data.Count).OrderBy(i => data.Length(i)).Chunk(batchSize)
            .Select(chunk => MicroBatch.Of([.. chunk.Select(i => data[i])]))];

    /// <inheritdoc/>
    public int TotalSteps { get; }

    /// <inheritdoc/>
    public int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public IReadOnlyList<MicroBatch> Step(int step)
    {
        var (epoch, within) = (step / StepsPerEpoch, step % StepsPerEpoch);
        if (epoch != orderedEpoch) (order, orderedEpoch) = (Order(epoch), epoch);
        // Longest first inside the step: the largest memory need shows at once, and padding stays small.
        return [.. order.Skip(within * batchSize).Take(batchSize)
            .OrderByDescending(i => data.Length(i)).ThenBy(i => i)
            .Chunk(microBatchSize)
            .Select(chunk => MicroBatch.Of([.. chunk.Select(i => data[i])]))];
    }

    private int[] Order(int epoch)
    {
        var random = new DeterministicRandom(seed).Fork($"epoch {epoch}");
        var shuffled = Enumerable.Range(0, data.Count).ToArray();
        random.Shuffle(shuffled.AsSpan());
        if (!groupByLength) return shuffled;
        // Sorted by length within groups of many batches, then the full batches shuffled: similar lengths, random order.
        var batches = shuffled.Chunk(batchSize * BatchesPerGroup)
            .SelectMany(group => group.OrderBy(i => data.Length(i)).Chunk(batchSize))
            .ToList();
        var partial = batches.Where(b => b.Length < batchSize).ToArray();
        var full = batches.Where(b => b.Length == batchSize).ToArray();
        random.Shuffle(full.AsSpan());
        return [.. full.Concat(partial).SelectMany(b => b)];
    }
}
