using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Objectives;

/// <summary>A model and its trained adapter.</summary>
/// <param name="Model">The model, with the adapter attached.</param>
/// <param name="Adapter">The trained weights.</param>
public sealed record TrainedModel(CausalModel Model, IAdapter Adapter)
{
    /// <summary>The purpose of forward passes: training, or evaluation on validation examples.</summary>
    public PassMode Mode { get; init; } = PassMode.Training;

    /// <summary>Whether the rows of a micro-batch are laid end to end without padding.</summary>
    public bool Packs { get; init; }

    /// <summary>Log-probabilities of a batch's supervised tokens under the trained model, <c>[n]</c> float64.</summary>
    public Tensor LogProbabilities(MicroBatch batch) => batch.LogProbabilities(Model, Mode, Packs);

    /// <summary>As <see cref="LogProbabilities"/> under the reference model, the base without the adapter; no gradient is
    /// recorded.</summary>
    /// <exception cref="Text.InputException">Every weight of the model is trained, so there is no reference model.</exception>
    public Tensor ReferenceLogProbabilities(MicroBatch batch)
    {
        using var off = Adapter.Suspend();
        using var quiet = no_grad();
        return batch.LogProbabilities(Model, PassMode.Evaluation, Packs);
    }
}
