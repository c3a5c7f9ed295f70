using AlpacaCot.Models.Families;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>An adapter on a model: the weights that are trained and saved instead of the model's own.</summary>
public interface IAdapter : IDisposable
{
    /// <summary>The trained weights by their names in the saved file.</summary>
    IReadOnlyDictionary<string, Tensor> Parameters { get; }

    /// <summary>Writes the adapter as a PEFT folder.</summary>
    void Save(string folder);

    /// <summary>Puts the weights back to those saved in a folder by <see cref="Save"/>.</summary>
    void Restore(string folder);
}

/// <summary>A parameter-efficient method: how it attaches to a model, fresh or from a folder.</summary>
public interface IAdapterMethod
{
    /// <summary>The value of <c>peft_type</c> in <c>adapter_config.json</c>.</summary>
    string PeftType { get; }

    /// <summary>Attaches the adapter saved in a PEFT folder.</summary>
    /// <exception cref="Data.InputException">The folder is broken, or made for another model.</exception>
    IAdapter Load(CausalModel model, string folder);
}
