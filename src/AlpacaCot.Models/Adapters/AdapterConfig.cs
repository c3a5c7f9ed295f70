using System.Collections.ObjectModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The configuration of an adapter, set by a recipe and saved as <c>adapter_config.json</c>. Each method's record adds its
/// settings; unknown fields of a file are preserved.
/// </summary>
public abstract record AdapterConfig
{
    internal const string Wrapper = "base_model.model."; // PEFT's two wrappers around the model

    /// <summary>The method that this configuration belongs to.</summary>
    public abstract AdapterMethod Method { get; }

    /// <summary>The value of <c>peft_type</c>.</summary>
    public string PeftType => Method.PeftType;

    /// <summary><c>base_model_name_or_path</c>: the model the adapter was trained on.</summary>
    public string? BaseModel { get; init; }

    /// <summary><c>task_type</c>, such as <c>CAUSAL_LM</c>.</summary>
    public string? TaskType { get; init; } = "CAUSAL_LM";

    /// <summary><c>inference_mode</c>: true in a saved adapter.</summary>
    public bool InferenceMode { get; init; } = true;

    /// <summary><c>modules_to_save</c>: modules trained in full and saved with the adapter.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>The adapted layers; empty for methods without targets.</summary>
    public Targets Targets { get; init; } = new();

    /// <summary>Unrecognized fields of the file, kept unchanged for writing.</summary>
    public IReadOnlyDictionary<string, JsonElement> Other { get; init; } = ReadOnlyDictionary<string, JsonElement>.Empty;

    /// <summary>Reads a configuration of any method.</summary>
    /// <param name="json">The text of <c>adapter_config.json</c>.</param>
    /// <param name="path">The file path, used in error messages.</param>
    /// <exception cref="InputException">
    /// Invalid JSON, an unknown method, an invalid value, or a field that requires an unsupported computation.
    /// </exception>
    public static AdapterConfig FromJson(string json, string path)
    {
        var fields = PeftFields.Parse(json, path);
        var type = fields.Text("peft_type");
        var method = AdapterMethods.All.FirstOrDefault(m => m.PeftType == type) ?? throw fields.Fault(
            $"peft_type is {type ?? "absent"}; supported are {string.Join(", ", AdapterMethods.All.Select(m => m.PeftType))}.");
        var config = method.Read(fields) with
        {
            BaseModel = fields.Text("base_model_name_or_path"),
            TaskType = fields.Text("task_type"),
            InferenceMode = fields.Flag("inference_mode", true),
            ModulesToSave = fields.Texts("modules_to_save") ?? [],
        };
        fields.RefuseUnknown(method.PeftType);
        return config with { Other = fields.Left };
    }

    /// <summary>The content of <c>adapter_config.json</c>, keys sorted as PEFT writes them.</summary>
    public string ToJson()
    {
        var fields = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = BaseModel,
            ["inference_mode"] = InferenceMode,
            ["modules_to_save"] = PeftFields.List(ModulesToSave),
            ["peft_type"] = PeftType,
            ["revision"] = null,
            ["task_type"] = TaskType,
        };
        Method.Write(this, fields);
        foreach (var (name, value) in Other) fields[name] = JsonNode.Parse(value.GetRawText());
        return PeftFields.Write(fields);
    }

    /// <summary>The name of a tensor in the saved file.</summary>
    internal virtual string FileName(string name) => Wrapper + name;
}
