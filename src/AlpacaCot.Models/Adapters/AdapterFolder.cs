using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// A PEFT adapter folder: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> (or the older
/// <c>adapter_model.bin</c>).
/// Source: the checkpoint format page of the PEFT documentation.
/// </summary>
public static class AdapterFolder
{
    /// <summary>The name of the configuration file, which identifies an adapter folder.</summary>
    public const string ConfigName = ModelFolder.AdapterConfigName;

    private const string WeightsName = "adapter_model.safetensors";
    private const string PickleName = "adapter_model.bin";

    /// <summary>Whether the folder contains an adapter configuration.</summary>
    public static bool IsAdapter(string path) => File.Exists(Path.Combine(path, ConfigName));

    /// <summary>
    /// Reads an adapter. Tensor names are the base model's module names plus the method's suffix, such as <c>.lora_A.weight</c>
    /// [rank, in]. The caller disposes the tensors, which are views of the mapped file.
    /// </summary>
    /// <exception cref="InputException">
    /// The folder is not an adapter, has no weights, or contains an unsupported method.
    /// </exception>
    public static (AdapterConfig Config, IReadOnlyDictionary<string, Tensor> Tensors) Read(string path) =>
        InputBoundary.Read(path, () => ReadFolder(path));

    private static (AdapterConfig Config, IReadOnlyDictionary<string, Tensor> Tensors) ReadFolder(string path)
    {
        if (!Directory.Exists(path)) throw new InputException($"{path}: the folder does not exist.");
        var configPath = Path.Combine(path, ConfigName);
        if (!File.Exists(configPath) && ChatGlmPrefix.Read(path) is { } prefix) return prefix;
        if (!File.Exists(configPath))
            throw new InputException(File.Exists(Path.Combine(path, "config.json"))
                ? $"{path} is a model folder, not an adapter folder (it has no {ConfigName}); pass it as --model."
                : $"{path} is not an adapter folder: it has no {ConfigName}.");
        var config = AdapterConfig.FromJson(ReadText(configPath), configPath);

        var safetensors = Path.Combine(path, WeightsName);
        var pickle = Path.Combine(path, PickleName);
        using ITensorFile file = File.Exists(safetensors) ? SafetensorsFile.Open(safetensors)
            : File.Exists(pickle) ? TorchPickleFile.Open(pickle)
            : throw new InputException($"{path} has a {ConfigName} but neither {WeightsName} nor {PickleName}: the adapter's " +
                "weights are missing.");
        if (file.Entries.Count == 0)
            throw new InputException($"{file.Path} contains no tensors: the adapter's weights are missing.");

        using var scope = NewDisposeScope();
        var tensors = AdapterNames.Plain(file.Entries.Keys, file.Path)
            .ToDictionary(name => name.Plain, name => file.Read(name.Stored));
        foreach (var tensor in tensors.Values) tensor.MoveToOuterDisposeScope();
        return (config, tensors);
    }

    /// <summary>
    /// Writes an adapter in PEFT's format. Files are written to a temporary subfolder, read back and compared, and only then
    /// moved over existing ones, the weights before the configuration. A folder whose first write was interrupted therefore has
    /// no configuration and is not taken for an adapter.
    /// </summary>
    /// <param name="path">The output folder; created if absent.</param>
    /// <param name="config">The content of <c>adapter_config.json</c>.</param>
    /// <param name="tensors">Tensors by the names that <see cref="Read"/> returns.</param>
    /// <exception cref="InputException">
    /// The written tensors do not read back unchanged; existing files are left as they were.
    /// </exception>
    public static void Write(string path, AdapterConfig config, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        var staging = Path.Combine(path, ".partial");
        if (Directory.Exists(staging)) Directory.Delete(staging, recursive: true);
        Directory.CreateDirectory(staging);
        var (weights, json) = (Path.Combine(staging, WeightsName), Path.Combine(staging, ConfigName));
        SafetensorsWriter.Write(weights, [.. tensors.Select(t => (config.FileName(t.Name), t.Tensor))]);
        AtomicFile.WriteText(json, config.ToJson());
        Verify(weights, config, tensors);
        File.Move(weights, Path.Combine(path, WeightsName), overwrite: true);
        File.Move(json, Path.Combine(path, ConfigName), overwrite: true);
        Directory.Delete(staging);
    }

    private static void Verify(string weights, AdapterConfig config, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(weights);
        foreach (var (name, tensor) in tensors)
            if (!file.Entries.ContainsKey(config.FileName(name))
                || !file.Read(config.FileName(name)).equal(tensor.cpu().detach()).all().item<bool>())
                throw new InputException(
                    $"{weights}: {name} does not read back as it was written; nothing was replaced. Is the disk full?");
        AdapterConfig.FromJson(config.ToJson(), weights);
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ReadProblem.Explain(e, path);
        }
    }
}
