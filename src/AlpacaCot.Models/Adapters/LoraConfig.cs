using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>What an <c>adapter_config.json</c> of PEFT says about a LoRA adapter. Unnamed fields are kept for
/// rewriting.</summary>
public sealed record LoraConfig : AdapterConfig
{
    // Fields that change the computation when set, in ways that are not built here.
    private static readonly HashSet<string> Unsupported =
    [
        "use_qalora", "use_bdlora", "layer_replication", "target_parameters", "trainable_token_indices",
        "alora_invocation_tokens", "arrow_config", "monteclora_config", "velora_config", "ensure_weight_tying", "exclude_modules",
    ];

    // Ways of starting that leave the base weights alone; the others belong to a changed base.
    private static readonly HashSet<string> HarmlessStarts = ["gaussian", "orthogonal", "eva"];

    /// <inheritdoc/>
    public override string PeftType => "LORA";

    /// <summary><c>r</c>: the rank of the update, where <see cref="RankPattern"/> names no other.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>
    /// <c>lora_alpha</c>: the update is scaled by alpha / rank (alpha / sqrt(rank) with <see cref="UseRsLora"/>).
    /// </summary>
    public double Alpha { get; init; } = 8;

    /// <summary><c>lora_dropout</c>: the share of the adapter's inputs that training drops.</summary>
    public double Dropout { get; init; }

    /// <summary>The layers that get an update.</summary>
    public Targets Targets { get; init; } = new();

    /// <summary><c>target_modules</c> as a list; see <see cref="Adapters.Targets.Modules"/>.</summary>
    public IReadOnlyList<string> TargetModules
    {
        get => Targets.Modules;
        init => Targets = Targets with { Modules = value };
    }

    /// <summary><c>target_modules</c> as one string; see <see cref="Adapters.Targets.Pattern"/>.</summary>
    public string? TargetPattern
    {
        get => Targets.Pattern;
        init => Targets = Targets with { Pattern = value };
    }

    /// <summary>
    /// <c>bias</c>: <c>none</c>, <c>all</c> or <c>lora_only</c>; which biases of the base are trained and saved too.
    /// </summary>
    public string Bias { get; init; } = "none";

    /// <summary><c>lora_bias</c>: B has a bias.</summary>
    public bool HasBias { get; init; }

    /// <summary><c>use_rslora</c>: scale by alpha / sqrt(rank) (Kalajdzievski, 2023).</summary>
    public bool UseRsLora { get; init; }

    /// <summary><c>use_dora</c>: train the lengths of the weight's rows apart (Liu et al., 2024).</summary>
    public bool UseDora { get; init; }

    /// <summary>
    /// How A and B start: <c>default</c> (A uniform, B zero), <c>pissa</c> or <c>olora</c>. Saved adapters say <c>default</c>:
    /// what the start took from the base is given back in saving.
    /// </summary>
    public string Start { get; init; } = "default";

    /// <summary>LoftQ's start on a quantized base, or none; saved in <c>loftq_config</c>, beside a plain
    /// <c>init_lora_weights</c>.</summary>
    public LoftqConfig? Loftq { get; init; }

    /// <summary>LoRA+ (Hayou et al., 2024): B learns this many times as fast as A. Not saved.</summary>
    public double PlusRatio { get; init; } = 1;

    /// <summary><c>fan_in_fan_out</c>: the target layers store their weight as [in, out] (GPT-2's Conv1D); A and B lie the same
    /// either way.</summary>
    public bool FanInFanOut { get; init; }

    /// <summary><c>rank_pattern</c>: module names (or patterns) with a rank of their own.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary><c>alpha_pattern</c>: module names (or patterns) with an alpha of their own.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>The rank on a module.</summary>
    public int RankOf(string module) => Targets.Own(RankPattern, module, Rank);

    /// <summary>The factor on the update of a module.</summary>
    public double ScaleOf(string module) =>
        Targets.Own(AlphaPattern, module, Alpha) / (UseRsLora ? Math.Sqrt(RankOf(module)) : RankOf(module));

    /// <summary>Reads the text of an <c>adapter_config.json</c> of LoRA.</summary>
    /// <exception cref="InputException">As for any method, and where it is of another.</exception>
    public static new LoraConfig FromJson(string json, string path) => AdapterConfig.FromJson(json, path) as LoraConfig
        ?? throw new InputException($"{path}: a LoRA adapter is needed.");

    internal static LoraConfig Read(PeftFields fields)
    {
        fields.Refuse(Unsupported);
        var config = new LoraConfig
        {
            Rank = fields.Whole("r", 1) ?? 8,
            Alpha = fields.Real("lora_alpha", 0, double.MaxValue) ?? 8,
            Dropout = fields.Real("lora_dropout", 0, 1) ?? 0,
            Targets = Targets.Read(fields),
            Bias = fields.Choice("bias", "none", "all", "lora_only"),
            HasBias = fields.Flag("lora_bias"),
            UseRsLora = fields.Flag("use_rslora"),
            UseDora = fields.Flag("use_dora"),
            FanInFanOut = fields.Flag("fan_in_fan_out"),
            RankPattern = fields.Wholes("rank_pattern"),
            AlphaPattern = fields.Reals("alpha_pattern"),
            Loftq = ReadLoftq(fields),
        };
        fields.RefuseUnknownSwitches();
        if (fields.Left.TryGetValue("init_lora_weights", out var start) && start.ValueKind == JsonValueKind.String
            && !HarmlessStarts.Contains(start.GetString()!))
            throw fields.Fault($"init_lora_weights is {start.GetRawText()}, which changed the base model's " +
                "weights when training began. Convert it to a plain LoRA adapter with the tool that made it.");
        return config;
    }

    // One that names no form was written by PEFT, after the base was changed for it; it means nothing in loading.
    private static LoftqConfig? ReadLoftq(PeftFields fields)
    {
        if (!fields.Left.TryGetValue("loftq_config", out var found) || found.ValueKind != JsonValueKind.Object
            || !found.TryGetProperty("quantization", out var type)) return null;
        fields.Take("loftq_config");
        return type.ValueKind == JsonValueKind.String && QuantizationOptions.Names.Contains(type.GetString()!)
            && found.TryGetProperty("loftq_iter", out var count) && count.ValueKind == JsonValueKind.Number
            && count.TryGetInt32(out var iterations) && iterations > 0
            ? new LoftqConfig(iterations, type.GetString())
            : throw fields.Fault(
                $"loftq_config is {found.GetRawText()}; it needs loftq_iter, a whole number from 1, and quantization, " +
                $"one of {string.Join(", ", QuantizationOptions.Names)}.");
    }

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["alpha_pattern"] = PeftFields.Map(AlphaPattern, PeftFields.Number);
        fields["bias"] = Bias;
        fields["fan_in_fan_out"] = FanInFanOut;
        fields["init_lora_weights"] = true;
        fields["lora_alpha"] = PeftFields.Number(Alpha);
        fields["lora_bias"] = HasBias;
        fields["lora_dropout"] = Dropout;
        if (Loftq is { Type: { } type } loftq)
            fields["loftq_config"] = new JsonObject
            {
                ["loftq_bits"] = type == "int8" ? 8 : 4, ["loftq_iter"] = loftq.Iterations, ["quantization"] = type,
            };
        fields["r"] = Rank;
        fields["rank_pattern"] = PeftFields.Map(RankPattern, rank => rank);
        Targets.Write(fields);
        fields["use_dora"] = UseDora;
        fields["use_rslora"] = UseRsLora;
    }
}
