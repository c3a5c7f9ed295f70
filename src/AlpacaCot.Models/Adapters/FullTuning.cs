using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>No adapter: every weight of the model is trained, and what is saved is a Hugging Face model folder.</summary>
public sealed class FullTuning : IAdapter
{
    private readonly IReadOnlyList<CompanionFile> _companions;
    private readonly string _configuration;

    /// <summary>Makes every weight of an fp32 model trainable.</summary>
    /// <param name="model">The model, built with fp32 storage.</param>
    /// <param name="configuration">The text of its <c>config.json</c>, saved along.</param>
    /// <param name="companions">Files saved along unchanged, such as the tokenizer's; see <see cref="Companions"/>.</param>
    public FullTuning(CausalModel model, string configuration, IReadOnlyList<CompanionFile> companions)
    {
        (this._configuration, this._companions) = (configuration, companions);
        Parameters = model.Parameters;
        foreach (var weight in Parameters.Values) weight.requires_grad = true;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Parameters { get; }

    /// <inheritdoc/>
    public void Save(string folder) => Save(folder, ScalarType.Float32);

    /// <summary>Saves the model with its matrices in a narrower type.</summary>
    /// <exception cref="Text.InputException">A weight is beyond the range of that type.</exception>
    public void Save(string folder, ScalarType matrices)
    {
        using var quiet = no_grad();
        List<ExportTensor> weights = [.. Parameters.Select(parameter => Outgoing(parameter.Key, parameter.Value)
            .As(parameter.Value.dim() > 1 ? matrices : parameter.Value.dtype))];
        HuggingFaceFolder.WriteInto(folder, weights, [CompanionFile.Of("config.json", _configuration), .. _companions]);
    }

    /// <summary>Refused: training changes the base model's own weights.</summary>
    /// <exception cref="InputException">Always.</exception>
    public IDisposable Suspend() => throw InputException.Refusing(
        "adapter: none trains the model's own weights, so the base model does not exist beside it and cannot be the reference; " +
        "choose an adapter such as lora.");

    /// <inheritdoc/>
    public void Restore(string folder)
    {
        using var saved = ModelFolder.Open(folder);
        foreach (var (name, weight) in Parameters)
        {
            using var source = saved.Read(name);
            weight.copy_(source);
        }
    }

    /// <summary>Nothing of its own to free: the weights are the model's.</summary>
    public void Dispose() { }

    private static ExportTensor Outgoing(string name, Tensor weight) =>
        new(name, weight.dtype, weight.shape, () => weight.alias());
}
