using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Data;

namespace AlpacaCot.Models.Adapters;

/// <summary>A <see cref="LoraConfig"/> as PEFT's JSON.</summary>
internal static class LoraConfigJson
{
    /// <summary>Fields that change the computation when set, in ways that are not built here.</summary>
    private static readonly HashSet<string> Unsupported =
    [
        "use_dora", "use_qalora", "use_bdlora", "lora_bias", "layer_replication", "target_parameters", "trainable_token_indices",
        "alora_invocation_tokens", "arrow_config", "monteclora_config", "velora_config", "ensure_weight_tying", "exclude_modules",
    ];

    /// <summary>
    /// Ways of starting that leave the base weights alone; others (pissa, olora, ...) belong to a changed base.
    /// </summary>
    private static readonly HashSet<string> HarmlessStarts = ["gaussian", "orthogonal", "eva"];

    private static readonly JsonWriterOptions Layout = new() { Indented = true, NewLine = "\n" };

    public static LoraConfig Read(string json, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InputException($"{path}: not a JSON object.");
            return new Fields(path, document.RootElement).ToConfig();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half a surrogate pair
        {
            throw new InputException($"{path}: not valid JSON: {e.Message}", e);
        }
    }

    public static string Write(LoraConfig config)
    {
        var fields = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["alpha_pattern"] = Map(config.AlphaPattern, Number),
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = config.BaseModel,
            ["bias"] = config.Bias,
            ["fan_in_fan_out"] = config.FanInFanOut,
            ["inference_mode"] = config.InferenceMode,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = config.LayersPattern is [var layer] ? layer : List(config.LayersPattern),
            ["layers_to_transform"] = config.LayersToTransform is { } layers ? List(layers) : null,
            ["lora_alpha"] = Number(config.Alpha),
            ["lora_dropout"] = config.Dropout,
            ["modules_to_save"] = List(config.ModulesToSave),
            ["peft_type"] = "LORA",
            ["r"] = config.Rank,
            ["rank_pattern"] = Map(config.RankPattern, rank => rank),
            ["revision"] = null,
            ["target_modules"] = config.TargetPattern is { } pattern ? pattern : List(config.TargetModules),
            ["task_type"] = config.TaskType,
            ["use_rslora"] = config.UseRsLora,
        };
        foreach (var (name, value) in config.Other) fields[name] = JsonNode.Parse(value.GetRawText());

        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Layout)) new JsonObject(fields).WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    // Python tells 16 from 16.0; alpha is a whole number in nearly every file.
    private static JsonNode Number(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? (long)value : value;

    private static JsonArray? List<T>(IReadOnlyList<T> items) =>
        items.Count == 0 ? null : new JsonArray([.. items.Select(item => (JsonNode?)JsonValue.Create(item))]);

    private static JsonObject Map<T>(IReadOnlyDictionary<string, T> items, Func<T, JsonNode> value) =>
        new(items.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)value(p.Value))));

    /// <summary>The fields of one file, each asked for once; what nobody asked for is left.</summary>
    private sealed class Fields(string path, JsonElement root)
    {
        private readonly Dictionary<string, JsonElement> left = root.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);

        public LoraConfig ToConfig()
        {
            var type = Text("peft_type");
            if (type is not "LORA")
                throw new InputException($"{path}: peft_type is {type ?? "absent"}; only LORA adapters can be used here.");
            RefuseUnsupported();
            var targets = Take("target_modules");
            var isPattern = targets?.ValueKind == JsonValueKind.String;
            return new LoraConfig
            {
                Rank = Whole("r", 1) ?? 8,
                Alpha = Real("lora_alpha", 0, double.MaxValue) ?? 8,
                Dropout = Real("lora_dropout", 0, 1) ?? 0,
                TargetPattern = isPattern ? targets!.Value.GetString() : null,
                TargetModules = isPattern ? [] : Texts("target_modules", targets) ?? [],
                Bias = Text("bias") switch
                {
                    null or "none" => "none",
                    "all" => "all",
                    "lora_only" => "lora_only",
                    var other => throw new InputException($"{path}: bias is \"{other}\"; allowed are none, all, lora_only."),
                },
                UseRsLora = Flag("use_rslora") ?? false,
                FanInFanOut = Flag("fan_in_fan_out") ?? false,
                ModulesToSave = Texts("modules_to_save", Take("modules_to_save")) ?? [],
                RankPattern = Pattern("rank_pattern", value => WholeOf("rank_pattern", value, 1)),
                AlphaPattern = Pattern("alpha_pattern", value => RealOf("alpha_pattern", value, 0, double.MaxValue)),
                LayersToTransform = Layers(),
                LayersPattern = TextOrTexts("layers_pattern"),
                BaseModel = Text("base_model_name_or_path"),
                TaskType = Text("task_type"),
                InferenceMode = Flag("inference_mode") ?? true,
                Other = left.ToDictionary(p => p.Key, p => p.Value.Clone()),
            };
        }

        private void RefuseUnsupported()
        {
            foreach (var (name, value) in left)
                if (IsSet(value) && (Unsupported.Contains(name) || IsUnknownSwitch(name, value)))
                    throw new InputException($"{path}: {name} is {value.GetRawText()}; this kind of LoRA is not supported. " +
                        "Merge the adapter into its base with the tool that made it, and use the merged model.");
            if (left.TryGetValue("init_lora_weights", out var start) && start.ValueKind == JsonValueKind.String
                && !HarmlessStarts.Contains(start.GetString()!))
                throw new InputException($"{path}: init_lora_weights is {start.GetRawText()}, which changed the base model's " +
                    "weights when training began. Convert it to a plain LoRA adapter with the tool that made it.");
        }

        private static bool IsUnknownSwitch(string name, JsonElement value) =>
            name.StartsWith("use_", StringComparison.Ordinal) && name != "use_rslora" && value.ValueKind == JsonValueKind.True;

        private static bool IsSet(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Null or JsonValueKind.False => false,
            JsonValueKind.Array => value.GetArrayLength() > 0,
            JsonValueKind.Object => value.EnumerateObject().Any(),
            JsonValueKind.String => value.GetString() != "",
            _ => true,
        };

        private JsonElement? Take(string name) =>
            left.Remove(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        private string? Text(string name) => Take(name) is { } value ? TextOf(name, value) : null;

        private bool? Flag(string name) => Take(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.True } => true,
            { ValueKind: JsonValueKind.False } => false,
            { } value => throw Wrong(name, value, "true or false"),
        };

        private int? Whole(string name, int least) => Take(name) is { } value ? WholeOf(name, value, least) : null;

        private double? Real(string name, double least, double most) =>
            Take(name) is { } value ? RealOf(name, value, least, most) : null;

        private string[]? Texts(string name, JsonElement? list) => list is not { } value ? null
            : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => TextOf(name, item))]
            : throw Wrong(name, value, "a list of names");

        private string[] TextOrTexts(string name) => Take(name) is not { } value ? []
            : value.ValueKind == JsonValueKind.String ? [value.GetString()!]
            : Texts(name, value)!;

        private int[]? Layers() => Take("layers_to_transform") is not { } value ? null
            : value.ValueKind == JsonValueKind.Array
                ? [.. value.EnumerateArray().Select(item => WholeOf("layers_to_transform", item, 0))]
                : [WholeOf("layers_to_transform", value, 0)];

        private Dictionary<string, T> Pattern<T>(string name, Func<JsonElement, T> read) => Take(name) is not { } value ? []
            : value.ValueKind == JsonValueKind.Object ? value.EnumerateObject().ToDictionary(p => p.Name, p => read(p.Value))
            : throw Wrong(name, value, "an object of names and numbers");

        private string TextOf(string name, JsonElement value) =>
            value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, value, "a text");

        private int WholeOf(string name, JsonElement value, int least) =>
            value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least
                ? number
                : throw Wrong(name, value, $"a whole number from {least} up");

        private double RealOf(string name, JsonElement value, double least, double most) =>
            value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most
                ? number
                : throw Wrong(name, value, $"a number from {least} {(most == double.MaxValue ? "up" : $"to {most}")}");

        private InputException Wrong(string name, JsonElement value, string needed) =>
            new($"{path}: {name} is {value.GetRawText()}; {needed} is needed.");
    }
}
