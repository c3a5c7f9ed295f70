using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>An adapter attached to a model: trained weights that are saved separately from the model's own.</summary>
public interface IAdapter : IDisposable
{
    /// <summary>The trained weights by their names in the saved file.</summary>
    IReadOnlyDictionary<string, Tensor> Parameters { get; }

    /// <summary>Writes the adapter as a PEFT folder.</summary>
    void Save(string folder);

    /// <summary>Writes a checkpoint for resuming: the adapter, and any further state that its training needs.</summary>
    void SaveCheckpoint(string folder) => Save(folder);

    /// <summary>Restores the weights and state written by <see cref="SaveCheckpoint"/>.</summary>
    void Restore(string folder);

    /// <summary>
    /// Disables the adapter until the result is disposed. Meanwhile the model's output is bit-identical to the base model's. The
    /// trained weights keep their values and gradients.
    /// </summary>
    /// <exception cref="Text.InputException">The base weights no longer exist, as in full tuning.</exception>
    IDisposable Suspend();

    /// <summary>Called once before the first step of a new or resumed run.</summary>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    /// <exception cref="Text.InputException">The run has too few steps for the method.</exception>
    void Begin(int totalSteps) { }

    /// <summary>The learning-rate factor of a weight.</summary>
    double RateFactor(string name) => 1;

    /// <summary>A scalar with gradient that is added to the mean loss of a step; null: nothing is added.</summary>
    Tensor? Penalty() => null;

    /// <summary>Performs one optimizer step, including the method's own processing of gradients and updated weights.</summary>
    /// <param name="step">The step's number, from 0.</param>
    /// <param name="scale">The factor that turns the accumulated gradients into the clipped gradients of the mean loss.</param>
    /// <param name="optimize">Updates the weights and clears the gradients.</param>
    void Step(int step, double scale, Action optimize) => optimize();
}
