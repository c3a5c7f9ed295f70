using AlpacaCot.Text;
using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Batching;

/// <summary>How examples become steps.</summary>
/// <param name="BatchSize">Examples an optimizer step.</param>
/// <param name="MicroBatchSize">Examples at once through the model.</param>
/// <param name="Epochs">Passes over the data; a part of a pass is allowed.</param>
/// <param name="MaxSteps">Steps, instead of epochs.</param>
/// <param name="GroupByLength">Batches of similar length: less padding.</param>
/// <param name="Seed">The seed of the order.</param>
public sealed record SamplingOptions(int BatchSize, int MicroBatchSize, double Epochs, int? MaxSteps, bool GroupByLength,
    int Seed);

/// <summary>
/// Every example once an epoch, in an order that is a function of seed and epoch alone: a resumed run needs only its step
/// number to continue where it was. The last step of an epoch may be smaller; no example is left out.
/// </summary>
public sealed class EpochSampler : IBatchSampler
{
    private const int BatchesPerGroup = 50;

    private readonly ExampleSet _data;
    private readonly SamplingOptions _options;
    private int[] _order = [];
    private int _orderedEpoch = -1;

    /// <summary>A sampler over a data set.</summary>
    /// <param name="data">The examples.</param>
    /// <param name="options">Sizes, length and order.</param>
    public EpochSampler(ExampleSet data, SamplingOptions options)
    {
        (this._data, this._options) = (data, options);
        StepsPerEpoch = (data.Count + options.BatchSize - 1) / options.BatchSize;
        TotalSteps = options.MaxSteps ?? Math.Max(1, (int)Math.Ceiling(StepsPerEpoch * options.Epochs - 1e-9));
    }

    /// <summary>All examples once, in batches of similar length, for measuring.</summary>
    public static IReadOnlyList<MicroBatch> Sequential(ExampleSet data, int batchSize) =>
        [.. Enumerable.Range(0, data.Count).OrderBy(data.Length).Chunk(batchSize).Select(data.Collate)];

    /// <inheritdoc/>
    public int TotalSteps { get; }

    /// <inheritdoc/>
    public int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public IReadOnlyList<MicroBatch> Step(int step)
    {
        var (epoch, within) = (step / StepsPerEpoch, step % StepsPerEpoch);
        if (epoch != _orderedEpoch) (_order, _orderedEpoch) = (Order(epoch), epoch);
        // Longest first inside the step: the largest memory need shows at once, and padding stays small.
        return [.. _order.Skip(within * _options.BatchSize).Take(_options.BatchSize)
            .OrderByDescending(_data.Length).ThenBy(i => i)
            .Chunk(_options.MicroBatchSize)
            .Select(_data.Collate)];
    }

    private int[] Order(int epoch)
    {
        var random = new DeterministicRandom(_options.Seed).Fork($"epoch {epoch}");
        var shuffled = Enumerable.Range(0, _data.Count).ToArray();
        random.Shuffle(shuffled.AsSpan());
        if (!_options.GroupByLength) return shuffled;
        // Sorted by length within groups of many batches, then the full batches shuffled: similar lengths, random order.
        var batches = shuffled.Chunk(_options.BatchSize * BatchesPerGroup)
            .SelectMany(group => group.OrderBy(_data.Length).Chunk(_options.BatchSize))
            .ToList();
        var partial = batches.Where(b => b.Length < _options.BatchSize).ToArray();
        var full = batches.Where(b => b.Length == _options.BatchSize).ToArray();
        random.Shuffle(full.AsSpan());
        return [.. full.Concat(partial).SelectMany(b => b)];
    }
}
