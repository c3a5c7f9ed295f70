using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// A Hugging Face model folder: <c>config.json</c> and the weights, as safetensors or torch.save files, in one piece or in
/// shards with an index. Opening reads headers only; tensors lie over the files' memory. A GGUF file, a llama2.c file and a
/// folder with Meta's <c>params.json</c> are seen as such a folder.
/// </summary>
public sealed class ModelFolder : ITensorFile
{
    /// <summary>The file that makes a folder an adapter of PEFT's.</summary>
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

    /// <summary>Opens a folder, or a file of another form. Safetensors are preferred to torch.save files, one file to
    /// shards.</summary>
    /// <exception cref="InputException">
    /// No folder, no or a broken <c>config.json</c>, no weights, a shard or a tensor of the index missing, or a damaged file.
    /// </exception>
    public static ModelFolder Open(string path)
    {
        if (NonHuggingFaceModels.Open(path) is { } foreign)
        {
            var seen = new ModelFolder(path, foreign.Config);
            seen._files.Add(foreign);
            foreach (var entry in foreign.Entries.Values) seen.Add(entry, foreign);
            return seen;
        }
        if (!Directory.Exists(path))
            throw new InputException(File.Exists(path)
                ? $"{path} is neither a GGUF nor a llama2.c file; a model is one of these, or a folder with config.json and "
                    + "the weights."
                : $"{path}: there is no such model folder.");
        var isAdapter = File.Exists(System.IO.Path.Combine(path, AdapterConfigName));
        var configPath = System.IO.Path.Combine(path, "config.json");
        if (!File.Exists(configPath))
            throw new InputException(
                isAdapter ? ThisIsAnAdapter(path) : $"{path} has no config.json, so it is not a model folder.");

        var folder = new ModelFolder(path, JsonObjectFile.Read(configPath));
        try
        {
            var name = WeightFiles.FirstOrDefault(n => File.Exists(System.IO.Path.Combine(path, n)))
                ?? throw new InputException(isAdapter ? ThisIsAnAdapter(path)
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

    /// <summary>The tensor of that name, as <see cref="ITensorFile.Read"/> gives it.</summary>
    /// <exception cref="InputException">There is no such tensor, or its element type cannot be read.</exception>
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

    // The index decides which file a tensor comes from; what it does not list is not part of the model.
    private void OpenShards(string indexPath)
    {
        if (!JsonObjectFile.Read(indexPath).TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw new InputException($"{indexPath} has no weight_map, which says which file holds which tensor.");
        var shards = new Dictionary<string, ITensorFile>();
        foreach (var item in map.EnumerateObject())
        {
            if (item.Value.ValueKind != JsonValueKind.String || item.Value.GetString() is not { Length: > 0 } name
                || System.IO.Path.GetFileName(name) != name)
                throw new InputException($"{indexPath}: {item.Name} points to {item.Value.GetRawText()}; the name of a file " +
                    "beside it is needed.");
            if (!shards.TryGetValue(name, out var shard))
            {
                if (!File.Exists(System.IO.Path.Combine(Path, name)))
                    throw new InputException($"{Path}: the shard {name} is missing, though " +
                        $"{System.IO.Path.GetFileName(indexPath)} needs it. Copy or download it.");
                shards.Add(name, shard = OpenFile(name));
            }
            if (!shard.Entries.TryGetValue(item.Name, out var entry))
                throw new InputException($"{shard.Path} does not hold {item.Name}, which " +
                    $"{System.IO.Path.GetFileName(indexPath)} says it does.");
            Add(entry, shard);
        }
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
        _entries.Add(entry.Name, entry);
        _fileOf.Add(entry.Name, file);
    }

    /// <summary>Reads one of a model's JSON files, such as <c>config.json</c>; see <see cref="JsonObjectFile"/>.</summary>
    /// <exception cref="InputException">The file cannot be read or is not a JSON object.</exception>
    public static JsonElement ReadObject(string path) => JsonObjectFile.Read(path);
}
