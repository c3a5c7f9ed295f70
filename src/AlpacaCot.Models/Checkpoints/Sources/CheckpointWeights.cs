using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>
/// The weights of a model folder, which stays the caller's. A checkpoint of the bare base model lacks the prefix
/// (<c>model.</c>) that the same names have in one with a language-model head: names are found with and without it.
/// </summary>
public sealed class CheckpointWeights(ModelFolder folder, string prefix = "model.") : IWeightSource
{
    private const int NearestShown = 3;

    /// <inheritdoc/>
    public IEnumerable<string> Names => folder.Entries.Keys;

    /// <inheritdoc/>
    public bool Contains(string name) => Find(name) is not null;

    /// <inheritdoc/>
    public Tensor Read(string name, ReadOnlySpan<long> shape)
    {
        var entry = Find(name) ?? throw new InputException($"{folder.Path} has no tensor {name}, which its config.json asks " +
            $"for. Nearest are {string.Join(", ", Nearest(name))}.");
        if (!shape.SequenceEqual(entry.Shape))
            throw new InputException($"{folder.Path}: {entry.Name} has shape [{string.Join(", ", entry.Shape)}], " +
                $"config.json asks for [{string.Join(", ", shape.ToArray())}].");
        var weight = folder.Read(entry.Name);
        FiniteWeights.Require(weight, folder.Path, entry.Name);
        return weight;
    }

    /// <inheritdoc/>
    public WeightMatrix? ReadQuantized(string name, long outputs, long inputs) =>
        Find(name) is { } entry ? BitsAndBytesFormat.Read(folder, entry.Name, outputs, inputs) : null;

    private TensorEntry? Find(string name)
    {
        if (folder.Entries.TryGetValue(name, out var entry)) return entry;
        var other = name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : prefix + name;
        return folder.Entries.GetValueOrDefault(other);
    }

    private IEnumerable<string> Nearest(string name) =>
        Names.OrderBy(n => EditDistance(n, name)).ThenBy(n => n, StringComparer.Ordinal).Take(NearestShown);

    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
