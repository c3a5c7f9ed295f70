using AlpacaCot.Text;
using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Batching;

/// <summary>The options of batching.</summary>
/// <param name="BatchSize">Examples for each optimizer step.</param>
/// <param name="MicroBatchSize">Examples for each forward and backward pass.</param>
/// <param name="Epochs">Passes over the data; fractions are allowed.</param>
/// <param name="MaxSteps">Optimizer steps; replaces epochs.</param>
/// <param name="GroupByLength">Whether batches contain examples of similar length, for less padding.</param>
/// <param name="Seed">The seed of the shuffling.</param>
public sealed record SamplingOptions(int BatchSize, int MicroBatchSize, double Epochs, int? MaxSteps, bool GroupByLength,
    int Seed);

/// <summary>
/// Samples every example once in each epoch. The order depends only on seed and epoch, so a resumed run needs only its step
/// number to continue. The last batch of an epoch may be smaller; no example is skipped.
/// </summary>
public sealed class EpochSampler : IBatchSampler
{
    private const int BatchesPerGroup = 50;

    private readonly ExampleSet _data;
    private readonly SamplingOptions _options;
    private int[] _order = [];
    private int _orderedEpoch = -1;

    /// <summary>Creates a sampler of a data set.</summary>
    /// <param name="data">The examples.</param>
    /// <param name="options">The options of batching.</param>
    public EpochSampler(ExampleSet data, SamplingOptions options)
    {
        (this._data, this._options) = (data, options);
        StepsPerEpoch = (data.Count + options.BatchSize - 1) / options.BatchSize;
        TotalSteps = options.MaxSteps ?? Math.Max(1, (int)Math.Ceiling(StepsPerEpoch * options.Epochs - 1e-9));
    }

    /// <summary>All examples once, in batches of similar length, for validation.</summary>
    public static IReadOnlyList<MicroBatch> Sequential(ExampleSet data, int batchSize) =>
        [.. Enumerable.Range(0, data.Count).OrderBy(data.Length).Chunk(batchSize).Select(data.Collate)];

    /// <inheritdoc/>
    public int TotalSteps { get; }

    /// <inheritdoc/>
    public int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public IReadOnlyList<MicroBatch> Step(int step) => [.. Examples(step).Select(_data.Collate)];

    /// <summary>The numbers of the examples of each micro-batch of a step.</summary>
    public IEnumerable<int[]> Examples(int step)
    {
        var (epoch, within) = (step / StepsPerEpoch, step % StepsPerEpoch);
        if (epoch != _orderedEpoch) (_order, _orderedEpoch) = (Order(epoch), epoch);
        // Longest first within a step: peak memory is reached at once, and padding stays small.
        return _order.Skip(within * _options.BatchSize).Take(_options.BatchSize)
            .OrderByDescending(_data.Length).ThenBy(i => i)
            .Chunk(_options.MicroBatchSize);
    }

    private int[] Order(int epoch)
    {
        var random = new DeterministicRandom(_options.Seed).Fork($"epoch {epoch}");
        var shuffled = Enumerable.Range(0, _data.Count).ToArray();
        random.Shuffle(shuffled.AsSpan());
        if (!_options.GroupByLength) return shuffled;
        // Sorted by length within groups of many batches, then full batches are shuffled: similar lengths, random order.
        var batches = shuffled.Chunk(_options.BatchSize * BatchesPerGroup)
            .SelectMany(group => group.OrderBy(_data.Length).Chunk(_options.BatchSize))
            .ToList();
        var partial = batches.Where(b => b.Length < _options.BatchSize).ToArray();
        var full = batches.Where(b => b.Length == _options.BatchSize).ToArray();
        random.Shuffle(full.AsSpan());
        return [.. full.Concat(partial).SelectMany(b => b)];
    }
}
