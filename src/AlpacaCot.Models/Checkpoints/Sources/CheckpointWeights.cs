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
    private const long ComparedTogether = 1 << 22;

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

    /// <inheritdoc/>
    public string Origin => folder.Path;

    /// <inheritdoc/>
    public bool Differ(string name, string other)
    {
        if (Find(name) is not { } first || Find(other) is not { } second || first.Name == second.Name) return false;
        if (!first.Shape.SequenceEqual(second.Shape)) return true;
        using var scope = NewDisposeScope();
        var (a, b) = (folder.Read(first.Name).flatten(), folder.Read(second.Name).flatten());
        for (long at = 0; at < a.shape[0]; at += ComparedTogether)
        {
            using var part = NewDisposeScope();
            var count = Math.Min(ComparedTogether, a.shape[0] - at);
            if (a.narrow(0, at, count).to(ScalarType.Float32).ne(b.narrow(0, at, count).to(ScalarType.Float32)).any()
                .item<bool>()) return true;
        }
        return false;
    }

    private TensorEntry? Find(string name) =>
        WeightNames.Find(name, folder.Entries.ContainsKey) is { } stored ? folder.Entries[stored] : null;

    private IEnumerable<string> Nearest(string name) =>
        Names.OrderBy(n => Spelling.Distance(n, name)).ThenBy(n => n, StringComparer.Ordinal).Take(NearestShown);
}
