using System.Text.Json;
using AlpacaCot.Data;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// What an <c>adapter_config.json</c> of PEFT says about a LoRA adapter. Unnamed fields are kept for rewriting.
/// </summary>
public sealed record LoraConfig
{
    /// <summary><c>r</c>: the rank of the update, where <see cref="RankPattern"/> names no other.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>
    /// <c>lora_alpha</c>: the update is scaled by alpha / rank (alpha / sqrt(rank) with <see cref="UseRsLora"/>).
    /// </summary>
    public double Alpha { get; init; } = 8;

    /// <summary><c>lora_dropout</c>: the share of the adapter's inputs that training drops.</summary>
    public double Dropout { get; init; }

    /// <summary>
    /// <c>target_modules</c> as a list: last parts of module names, or whole ones. Empty with <see cref="TargetPattern"/>.
    /// </summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>
    /// <c>target_modules</c> as one string: <c>all-linear</c> (each linear layer but the output head), or a regular expression
    /// that a whole module name must match.
    /// </summary>
    public string? TargetPattern { get; init; }

    /// <summary>
    /// <c>bias</c>: <c>none</c>, <c>all</c> or <c>lora_only</c>; which biases of the base are trained and saved too.
    /// </summary>
    public string Bias { get; init; } = "none";

    /// <summary><c>use_rslora</c>: scale by alpha / sqrt(rank).</summary>
    public bool UseRsLora { get; init; }

    /// <summary><c>fan_in_fan_out</c>: the target layers store their weight as [in, out] (GPT-2's Conv1D); A and B lie the same either way.</summary>
    public bool FanInFanOut { get; init; }

    /// <summary><c>modules_to_save</c>: modules trained in full and saved with the adapter.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary><c>rank_pattern</c>: module names (or patterns) with a rank of their own.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary><c>alpha_pattern</c>: module names (or patterns) with an alpha of their own.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary><c>layers_to_transform</c>: the only layers that get adapters, from 0; null for all.</summary>
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary><c>layers_pattern</c>: names of the list of layers that <see cref="LayersToTransform"/> counts in.</summary>
    public IReadOnlyList<string> LayersPattern { get; init; } = [];

    /// <summary><c>base_model_name_or_path</c>: the model the adapter was trained on.</summary>
    public string? BaseModel { get; init; }

    /// <summary><c>task_type</c>, such as <c>CAUSAL_LM</c>.</summary>
    public string? TaskType { get; init; } = "CAUSAL_LM";

    /// <summary><c>inference_mode</c>: true in a saved adapter.</summary>
    public bool InferenceMode { get; init; } = true;

    /// <summary>Fields with no meaning here, as they were read.</summary>
    public IReadOnlyDictionary<string, JsonElement> Other { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Reads the text of an <c>adapter_config.json</c>.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">The file's name for messages.</param>
    /// <exception cref="InputException">
    /// Not JSON, not LoRA, a wrong value, or a field that asks for a computation there is not here.
    /// </exception>
    public static LoraConfig FromJson(string json, string path) => LoraConfigJson.Read(json, path);

    /// <summary>The text of an <c>adapter_config.json</c>: keys sorted, as PEFT writes it.</summary>
    public string ToJson() => LoraConfigJson.Write(this);
}
