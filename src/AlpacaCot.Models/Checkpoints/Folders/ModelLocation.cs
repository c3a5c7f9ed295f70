using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// What a given path of a model means: a model's own folder or file, a folder of the Hugging Face cache, or a run folder,
/// which has
/// a whole model in <c>model/</c> or an adapter in <c>adapter/</c>.
/// </summary>
/// <param name="Model">The model's folder or file.</param>
/// <param name="Adapter">The adapter's folder; null for none.</param>
public sealed record ModelLocation(string Model, string? Adapter)
{
    private const string WholeModel = "model", AdapterPart = "adapter", RunFile = "run.json";

    /// <summary>Finds the model, and the adapter if there is one.</summary>
    /// <param name="path">The given path of the model.</param>
    /// <param name="adapter">The given path of an adapter, possibly a run folder; null for none.</param>
    /// <exception cref="InputException">The path is a run folder from which the model does not follow; the message says what
    /// to type.</exception>
    public static ModelLocation Of(string path, string? adapter = null)
    {
        var own = adapter is null ? null : AdapterOf(adapter);
        var found = Resolved(path);
        if (RunAdapter(found) is not { } trained) return new(found, own);
        var (folder, stated) = (Path.Combine(found, AdapterPart), BaseOf(trained));
        if (own is not null && Path.GetFullPath(own) != Path.GetFullPath(folder))
            throw new InputException($"{path} is a run folder with an adapter, and --adapter {adapter} names another; type " +
                $"--model {stated ?? "BASE"} --adapter {adapter}.");
        return stated is not null && (Directory.Exists(stated) || File.Exists(stated)) ? new(Resolved(stated), folder)
            : throw new InputException($"{path} is a run folder with an adapter; its base model " +
                $"{stated ?? "is not stated and"} " +
                $"{(stated is null ? "" : "does not exist here and ")}must be named: type --model BASE --adapter {path}.");
    }

    /// <summary>The model's own folder or file, where no adapter can be applied.</summary>
    /// <exception cref="InputException">The path is a run folder with an adapter or without a result.</exception>
    public static string FolderOf(string path)
    {
        var found = Resolved(path);
        return RunAdapter(found) is not { } trained ? found
            : throw new InputException($"{path} is a run folder with an adapter, not a whole model. Type --model " +
                $"{BaseOf(trained) ?? "BASE"} --adapter {path}, or merge the two first: alpaca-cot merge.");
    }

    /// <summary>The adapter's folder of a path that may be a run folder.</summary>
    public static string AdapterOf(string path) =>
        Directory.Exists(Path.Combine(path, AdapterPart)) ? Path.Combine(path, AdapterPart) : path;

    private static string Resolved(string path)
    {
        path = HubLayout.SnapshotOfModel(path);
        if (!Directory.Exists(path) || File.Exists(Path.Combine(path, "config.json"))) return path;
        var whole = Path.Combine(path, WholeModel);
        if (!File.Exists(Path.Combine(path, RunFile))) return path;
        if (File.Exists(Path.Combine(whole, "config.json"))) return whole;
        return RunAdapter(path) is null
            ? throw new InputException($"{path} is a run folder without a result: the run is not finished. Continue it with " +
                "alpaca-cot train RECIPE --resume.")
            : path;
    }

    private static string? RunAdapter(string path) => !File.Exists(Path.Combine(path, "config.json"))
        && Path.Combine(path, AdapterPart, ModelFolder.AdapterConfigName) is var config && File.Exists(config) ? config : null;

    private static string? BaseOf(string config) =>
        JsonObjectFile.Read(config).TryGetProperty("base_model_name_or_path", out var stated)
        && stated.ValueKind == JsonValueKind.String && stated.GetString() is { Length: > 0 } path ? path : null;
}
