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
    /// <summary>The file that makes a folder an adapter.</summary>
    public const string ConfigName = ModelFolder.AdapterConfigName;

    private const string WeightsName = "adapter_model.safetensors";
    private const string PickleName = "adapter_model.bin";

    /// <summary>True where the folder holds an adapter's configuration.</summary>
    public static bool IsAdapter(string path) => File.Exists(Path.Combine(path, ConfigName));

    /// <summary>
    /// Reads an adapter. The names are the base model's with the method's own part added, such as <c>.lora_A.weight</c>
    /// [rank, in]. The caller disposes the tensors, which lie over the file's memory.
    /// </summary>
    /// <exception cref="InputException">No adapter, no weights, or a kind of adapter that is not supported.</exception>
    public static (AdapterConfig Config, IReadOnlyDictionary<string, Tensor> Tensors) Read(string path)
    {
        if (!Directory.Exists(path)) throw new InputException($"{path}: there is no such folder.");
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
            throw new InputException($"{file.Path} holds no tensors: the adapter's weights are missing.");

        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var name in file.Entries.Keys)
            if (!tensors.TryAdd(AdapterConfig.PlainName(name), file.Read(name)))
                throw new InputException(
                    $"{file.Path} holds {AdapterConfig.PlainName(name)} twice, with and without PEFT's prefix");
        foreach (var tensor in tensors.Values) tensor.MoveToOuterDisposeScope();
        return (config, tensors);
    }

    /// <summary>
    /// Writes an adapter that PEFT reads. It is written aside, reopened and compared; only then does it take the place of what
    /// was there, the weights first: a folder whose first writing was interrupted is no adapter.
    /// </summary>
    /// <param name="path">The folder to make or write into.</param>
    /// <param name="config">What <c>adapter_config.json</c> will say.</param>
    /// <param name="tensors">Tensors by the base model's names, as <see cref="Read"/> gives them.</param>
    /// <exception cref="InputException">What was written does not read back; the old adapter stands.</exception>
    public static void Write(string path, AdapterConfig config, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        var aside = Path.Combine(path, ".partial");
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        Directory.CreateDirectory(aside);
        var (weights, json) = (Path.Combine(aside, WeightsName), Path.Combine(aside, ConfigName));
        SafetensorsWriter.Write(weights, [.. tensors.Select(t => (config.FileName(t.Name), t.Tensor))]);
        AtomicFile.WriteText(json, config.ToJson());
        Verify(weights, config, tensors);
        File.Move(weights, Path.Combine(path, WeightsName), overwrite: true);
        File.Move(json, Path.Combine(path, ConfigName), overwrite: true);
        Directory.Delete(aside);
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
            throw new InputException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
