using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>An adapter on a model: the weights that are trained and saved instead of the model's own.</summary>
public interface IAdapter : IDisposable
{
    /// <summary>The trained weights by their names in the saved file.</summary>
    IReadOnlyDictionary<string, Tensor> Parameters { get; }

    /// <summary>Writes the adapter as a PEFT folder.</summary>
    void Save(string folder);

    /// <summary>Writes what a run is continued from: the adapter, and whatever else training needs.</summary>
    void SaveCheckpoint(string folder) => Save(folder);

    /// <summary>Puts the weights back to those saved in a folder by <see cref="SaveCheckpoint"/>.</summary>
    void Restore(string folder);

    /// <summary>
    /// Switches the adapter off until the result is disposed: meanwhile the model computes as the base does, to the last bit. The
    /// trained weights keep their values and gradients.
    /// </summary>
    /// <exception cref="Text.InputException">The base does not exist beside the trained weights, as in full tuning.</exception>
    IDisposable Suspend();

    /// <summary>Told once, before the first step of a run or of its continuation.</summary>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    /// <exception cref="Text.InputException">The method needs more steps.</exception>
    void Begin(int totalSteps) { }

    /// <summary>The factor on the learning rate of a weight.</summary>
    double RateFactor(string name) => 1;

    /// <summary>What is added to the mean loss of a step, a scalar with gradient; null: nothing.</summary>
    Tensor? Penalty() => null;

    /// <summary>One optimizer step; what a method does with gradients and new weights happens here.</summary>
    /// <param name="step">Its number, from 0.</param>
    /// <param name="scale">What the gradients are multiplied by to be those of the mean loss, clipped.</param>
    /// <param name="optimize">Changes the weights and forgets the gradients.</param>
    void Step(int step, double scale, Action optimize) => optimize();
}
