using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Batching;

/// <summary>Chooses the examples of each optimizer step.</summary>
public interface IBatchSampler
{
    /// <summary>Optimizer steps of the run.</summary>
    int TotalSteps { get; }

    /// <summary>Optimizer steps that see every example once.</summary>
    int StepsPerEpoch { get; }

    /// <summary>The micro-batches of a step, counted from 0.</summary>
    IReadOnlyList<MicroBatch> Step(int step);
}
