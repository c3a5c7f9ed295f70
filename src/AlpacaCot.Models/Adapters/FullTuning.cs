using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// Full tuning, without an adapter: every weight of the model is trained, and the result is saved as a Hugging Face model folder.
/// </summary>
public sealed class FullTuning : IAdapter
{
    private readonly IReadOnlyList<CompanionFile> _companions;
    private readonly string _configuration;

    /// <summary>Makes every weight of an fp32 model trainable.</summary>
    /// <param name="model">The model, built with fp32 storage.</param>
    /// <param name="configuration">The content of <c>config.json</c>, saved with the weights.</param>
    /// <param name="companions">
    /// Files copied unchanged into the folder, such as the tokenizer's; see <see cref="Companions"/>.
    /// </param>
    public FullTuning(CausalModel model, string configuration, IReadOnlyList<CompanionFile> companions)
    {
        (this._configuration, this._companions) = (Configuration(model, configuration), companions);
        Parameters = model.Parameters;
        foreach (var weight in Parameters.Values) weight.requires_grad = true;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Parameters { get; }

    /// <inheritdoc/>
    public void Save(string folder) => Save(folder, ScalarType.Float32);

    /// <summary>Saves the model with its matrices in a narrower type.</summary>
    /// <exception cref="Text.InputException">A weight exceeds the range of that type.</exception>
    public void Save(string folder, ScalarType matrices)
    {
        using var noGrad = no_grad();
        List<ExportTensor> weights = [.. Parameters.Select(parameter => Export(parameter.Key, parameter.Value)
            .As(parameter.Value.dim() > 1 ? matrices : parameter.Value.dtype))];
        HuggingFaceFolder.WriteInto(folder, weights, [CompanionFile.Of("config.json", _configuration), .. _companions]);
    }

    /// <summary>Not supported: training modifies the base model's own weights.</summary>
    /// <exception cref="InputException">Always.</exception>
    public IDisposable Suspend() => throw InputException.Refusing(
        "adapter: none trains the model's own weights, so no unchanged base model remains that could be the reference; " +
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

    private static string Configuration(CausalModel model, string text)
    {
        var config = JsonNode.Parse(text)!.AsObject();
        return model.Tie.Write(config, model.IsHeadTied) ? HuggingFaceFolder.Indented(config) : text;
    }

    /// <summary>Does nothing: the model owns the weights.</summary>
    public void Dispose() { }

    private static ExportTensor Export(string name, Tensor weight) =>
        new(name, weight.dtype, weight.shape, () => weight.alias());
}
