using AlpacaCot.Models.Adapters;

namespace AlpacaCot.Training.Runs;

/// <summary>Sees what a run computes.</summary>
internal interface IRunProbe
{
    /// <summary>Called in each step, counted from 1, when its gradients are complete and no weight has changed.</summary>
    void Gradients(int step, IAdapter adapter);

    /// <summary>Called after the last step.</summary>
    void Finished(IAdapter adapter);
}
