using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// A Hugging Face model folder: <c>config.json</c> and the weights, as safetensors or torch.save files, as one file or as
/// shards with an index. Opening reads headers only; tensors are views of the mapped files. A GGUF file, a llama2.c file and a
/// folder with Meta's <c>params.json</c> are presented as such a folder.
/// </summary>
public sealed class ModelFolder : ITensorFile
{
    /// <summary>The configuration file of a PEFT adapter folder.</summary>
    internal const string AdapterConfigName = "adapter_config.json";

    private static readonly string[] WeightFiles =
        ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

    private readonly List<ITensorFile> _files = [];
    private readonly Dictionary<string, ITensorFile> _fileOf = [];
    private readonly Dictionary<string, TensorEntry> _entries = [];

    private ModelFolder(string path, JsonElement config) => (Path, Config) = (path, config);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The content of <c>config.json</c>, a JSON object.</summary>
    public JsonElement Config { get; }

    /// <summary>The tensors of all weight files.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Entries => _entries;

    /// <summary>Opens a folder, or a file of another format. Safetensors are preferred to torch.save files, one file to
    /// shards.</summary>
    /// <exception cref="InputException">
    /// The folder, <c>config.json</c>, the weights, a shard or an indexed tensor is missing, or a file is damaged.
    /// </exception>
    public static ModelFolder Open(string path) => Text.InputBoundary.Read(path, () => OpenPath(path));

    private static ModelFolder OpenPath(string path)
    {
        path = ModelLocation.FolderOf(path);
        if (NonHuggingFaceModels.Open(path) is { } other)
        {
            var folderOfOther = new ModelFolder(path, other.Config);
            folderOfOther._files.Add(other);
            foreach (var entry in other.Entries.Values) folderOfOther.Add(entry, other);
            return folderOfOther;
        }
        if (!Directory.Exists(path))
            throw new InputException(File.Exists(path)
                ? $"{path} is neither a GGUF nor a llama2.c file; a model is one of these, or a folder with config.json and "
                    + "the weights."
                : Text.ReadProblem.OfMissing(path) ?? $"{path}: the model folder does not exist.");
        var isAdapter = File.Exists(System.IO.Path.Combine(path, AdapterConfigName));
        var configPath = System.IO.Path.Combine(path, "config.json");
        if (!File.Exists(configPath))
            throw new InputException(
                isAdapter ? ThisIsAnAdapter(path) : Text.ReadProblem.OfMissing(configPath)
                    ?? $"{path} has no config.json, so it is not a model folder.");

        var folder = new ModelFolder(path, JsonObjectFile.Read(configPath));
        try
        {
            var name = WeightFiles.FirstOrDefault(n => File.Exists(System.IO.Path.Combine(path, n)));
            if (name is null && ShardNames.In(path) is { Count: > 0 } shards)
            {
                foreach (var shard in shards) folder.OpenWhole(shard);
                return folder;
            }
            if (name is null) throw new InputException(isAdapter ? ThisIsAnAdapter(path)
                    : $"{path} has a config.json but no weights; needed is one of {string.Join(", ", WeightFiles)}.");
            if (name.EndsWith(".index.json", StringComparison.Ordinal)) folder.OpenShards(System.IO.Path.Combine(path, name));
            else folder.OpenWhole(name);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The tensor of that name, as defined by <see cref="ITensorFile.Read"/>.</summary>
    /// <exception cref="InputException">The tensor does not exist, or its element type cannot be read.</exception>
    public Tensor Read(string name) =>
        _fileOf.TryGetValue(name, out var file) ? file.Read(name) : throw new InputException($"{Path} has no tensor {name}.");

    /// <summary>Releases the files; tensors read from them stay valid.</summary>
    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }

    private static string ThisIsAnAdapter(string path) =>
        $"{path} is an adapter folder; pass it as --adapter, with its base model as --model.";

    private void OpenWhole(string name)
    {
        var file = OpenFile(name);
        foreach (var entry in file.Entries.Values) Add(entry, file);
    }

    // The index decides which file a tensor comes from. Tensors that it does not list are taken from the file they are in, as
    // transformers does: leaving them out would make another model.
    private void OpenShards(string indexPath)
    {
        if (!JsonObjectFile.Read(indexPath).TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw new InputException($"{indexPath} has no weight_map, the map from tensors to files.");
        var shards = new Dictionary<string, ITensorFile>();
        RequireFiles(indexPath, map);
        foreach (var item in map.EnumerateObject())
        {
            if (item.Value.ValueKind != JsonValueKind.String || item.Value.GetString() is not { Length: > 0 } name
                || System.IO.Path.GetFileName(name) != name)
                throw new InputException($"{indexPath}: {item.Name} points to {item.Value.GetRawText()}; the name of a file " +
                    "in the same folder is needed.");
            if (!shards.TryGetValue(name, out var shard)) shards.Add(name, shard = OpenFile(name));
            if (!shard.Entries.TryGetValue(item.Name, out var entry))
                throw new InputException($"{shard.Path} does not contain {item.Name}, although " +
                    $"{System.IO.Path.GetFileName(indexPath)} lists it there.");
            Add(entry, shard);
        }
        foreach (var shard in shards.Values)
            foreach (var entry in shard.Entries.Values)
                if (!_entries.ContainsKey(entry.Name)) Add(entry, shard);
    }

    private void RequireFiles(string indexPath, JsonElement map)
    {
        List<string> missing = [.. map.EnumerateObject().Where(item => item.Value.ValueKind == JsonValueKind.String)
            .Select(item => item.Value.GetString()!).Distinct()
            .Where(name => System.IO.Path.GetFileName(name) == name && !File.Exists(System.IO.Path.Combine(Path, name)))
            .Order(StringComparer.Ordinal)];
        if (missing.Count > 0)
            throw new InputException($"{Path}: the shard{(missing.Count > 1 ? "s" : "")} {string.Join(", ", missing)} " +
                $"{(missing.Count > 1 ? "are" : "is")} missing, though {System.IO.Path.GetFileName(indexPath)} needs " +
                $"{(missing.Count > 1 ? "them" : "it")}. Copy or download {(missing.Count > 1 ? "them" : "it")}.");
    }

    private ITensorFile OpenFile(string name)
    {
        var path = System.IO.Path.Combine(Path, name);
        ITensorFile file = name.EndsWith(".safetensors", StringComparison.Ordinal)
            ? SafetensorsFile.Open(path)
            : TorchPickleFile.Open(path);
        _files.Add(file);
        return file;
    }

    private void Add(TensorEntry entry, ITensorFile file)
    {
        if (!_entries.TryAdd(entry.Name, entry))
            throw new InputException($"{Path}: {entry.Name} is in two weight files, " +
                $"{System.IO.Path.GetFileName(_fileOf[entry.Name].Path)} " +
                $"and {System.IO.Path.GetFileName(file.Path)}; remove the files of one of the two models.");
        _fileOf.Add(entry.Name, file);
    }

    /// <summary>Reads one of a model's JSON files, such as <c>config.json</c>; see <see cref="JsonObjectFile"/>.</summary>
    /// <exception cref="InputException">The file cannot be read or is not a JSON object.</exception>
    public static JsonElement ReadObject(string path) => JsonObjectFile.Read(path);
}
