using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>The weights of a model folder under the model's names (<see cref="WeightNames"/>). The folder is not
/// disposed.</summary>
public sealed class CheckpointWeights(ModelFolder folder) : IWeightSource
{
    private const int NearestShown = 3;

    /// <inheritdoc/>
    public IEnumerable<string> Names => folder.Entries.Keys;

    /// <inheritdoc/>
    public bool Contains(string name) => Find(name) is not null;

    /// <inheritdoc/>
    public Tensor Read(string name, ReadOnlySpan<long> shape)
    {
        var entry = Find(name) ?? throw new InputException($"{folder.Path} has no tensor {name}, which its config.json requires" +
            $". Nearest are {string.Join(", ", Nearest(name))}.");
        if (!shape.SequenceEqual(entry.Shape))
            throw new InputException($"{folder.Path}: {entry.Name} has shape [{string.Join(", ", entry.Shape)}], " +
                $"config.json requires [{string.Join(", ", shape.ToArray())}].");
        var weight = folder.Read(entry.Name);
        WeightValidation.Require(weight, folder.Path, entry.Name);
        return weight;
    }

    /// <inheritdoc/>
    public WeightMatrix? ReadQuantized(string name, long outputs, long inputs) =>
        Find(name) is { } entry ? BitsAndBytesFormat.Read(folder, folder.Config, entry.Name, outputs, inputs) : null;

    private TensorEntry? Find(string name) =>
        WeightNames.Find(name, folder.Entries.ContainsKey) is { } stored ? folder.Entries[stored] : null;

    private IEnumerable<string> Nearest(string name) =>
        Names.OrderBy(n => Spelling.Distance(n, name)).ThenBy(n => n, StringComparer.Ordinal).Take(NearestShown);
}
