using System.Text;
using AlpacaCot.Data;
using AlpacaCot.Models.Checkpoints;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// A PEFT adapter folder: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> (or the older
/// <c>adapter_model.bin</c>).
/// Source: the checkpoint format page of the PEFT documentation.
/// </summary>
public static class AdapterFolder
{
    /// <summary>The file that makes a folder an adapter.</summary>
    public const string ConfigName = "adapter_config.json";

    private const string WeightsName = "adapter_model.safetensors";
    private const string PickleName = "adapter_model.bin";
    private const string Prefix = "base_model.model."; // PEFT's two wrappers around the model

    /// <summary>True where the folder holds an adapter's configuration.</summary>
    public static bool IsAdapter(string path) => File.Exists(Path.Combine(path, ConfigName));

    /// <summary>
    /// Reads an adapter. The names are the base model's, with <c>.lora_A.weight</c> [rank, in] and <c>.lora_B.weight</c>
    /// [out, rank] added. The caller disposes the tensors, which lie over the file's memory.
    /// </summary>
    /// <exception cref="InputException">No adapter, no weights, or a kind of adapter that is not supported.</exception>
    public static (LoraConfig Config, IReadOnlyDictionary<string, Tensor> Tensors) Read(string path)
    {
        if (!Directory.Exists(path)) throw new InputException($"{path}: there is no such folder.");
        var configPath = Path.Combine(path, ConfigName);
        if (!File.Exists(configPath))
            throw new InputException(File.Exists(Path.Combine(path, "config.json"))
                ? $"{path} is a model folder, not an adapter folder (it has no {ConfigName}); pass it as --model."
                : $"{path} is not an adapter folder: it has no {ConfigName}.");
        var config = LoraConfig.FromJson(ReadText(configPath), configPath);

        var safetensors = Path.Combine(path, WeightsName);
        var pickle = Path.Combine(path, PickleName);
        using ITensorFile file = File.Exists(safetensors) ? SafetensorsFile.Open(safetensors)
            : File.Exists(pickle) ? TorchPickleFile.Open(pickle)
            : throw new InputException($"{path} has a {ConfigName} but neither {WeightsName} nor {PickleName}: the adapter's " +
                "weights are missing.");
        if (file.Entries.Count == 0)
            throw new InputException($"{file.Path} holds no tensors: the adapter's weights are missing.");

        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var name in file.Entries.Keys)
        {
            var plain = name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
            if (!tensors.TryAdd(plain, file.Read(name)))
                throw new InputException($"{file.Path} holds {plain} twice, with and without the prefix {Prefix}");
        }
        foreach (var tensor in tensors.Values) tensor.MoveToOuterDisposeScope();
        return (config, tensors);
    }

    /// <summary>
    /// Writes an adapter that PEFT reads. Each file is written whole or not at all, the weights first: a folder whose first
    /// writing was interrupted is no adapter.
    /// </summary>
    /// <param name="path">The folder to make or write into.</param>
    /// <param name="config">What <c>adapter_config.json</c> will say.</param>
    /// <param name="tensors">Tensors by the base model's names, as <see cref="Read"/> gives them.</param>
    public static void Write(string path, LoraConfig config, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        SafetensorsWriter.Write(Path.Combine(path, WeightsName), [.. tensors.Select(t => (Prefix + t.Name, t.Tensor))]);
        AtomicFile.Write(Path.Combine(path, ConfigName), stream => stream.Write(Encoding.UTF8.GetBytes(config.ToJson())));
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
