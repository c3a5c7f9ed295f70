using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Batching;

/// <summary>Chooses the examples of each optimizer step.</summary>
public interface IBatchSampler
{
    /// <summary>The number of optimizer steps of the run.</summary>
    int TotalSteps { get; }

    /// <summary>The number of optimizer steps in an epoch.</summary>
    int StepsPerEpoch { get; }

    /// <summary>The micro-batches of a step; steps are counted from 0.</summary>
    IReadOnlyList<MicroBatch> Step(int step);
}
