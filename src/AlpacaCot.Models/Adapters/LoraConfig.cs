using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of LoRA and of its variants that differ by a setting alone.</summary>
public sealed record LoraConfig : LowRankConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Lora.Method;

    /// <summary><c>lora_dropout</c>: the share of the adapter's inputs that training drops.</summary>
    public double Dropout { get; init; }

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

    /// <summary><c>bias</c>: biases of the base that are trained and saved too.</summary>
    public BiasTraining Bias { get; init; }

    /// <summary><c>lora_bias</c>: B has a bias.</summary>
    public bool HasBias { get; init; }

    /// <summary><c>use_rslora</c>: scale by alpha / sqrt(rank) (Kalajdzievski, 2023).</summary>
    public bool UseRsLora { get; init; }

    /// <summary><c>use_dora</c>: train the lengths of the weight's rows apart (Liu et al., 2024).</summary>
    public bool UseDora { get; init; }

    /// <summary>
    /// How A and B start. Saved adapters have the default: the part of the base that another start took is given back in saving.
    /// </summary>
    public LoraStart Start { get; init; }

    /// <summary>LoftQ's start on a quantized base, or none; saved in <c>loftq_config</c>, beside a plain
    /// <c>init_lora_weights</c>.</summary>
    public LoftqConfig? Loftq { get; init; }

    /// <summary>LoRA+ (Hayou et al., 2024): B learns this many times as fast as A; null: as fast. Not saved.</summary>
    public double? PlusRatio { get; init; }

    /// <summary><c>fan_in_fan_out</c>: the target layers store their weight as [in, out] (GPT-2's Conv1D); A and B lie the same
    /// either way.</summary>
    public bool FanInFanOut { get; init; }

    /// <inheritdoc/>
    public override double ScaleOf(string module) => UseRsLora
        ? Targets.Own(AlphaPattern, module, Alpha) / Math.Sqrt(RankOf(module)) : base.ScaleOf(module);

    /// <summary>Reads the text of an <c>adapter_config.json</c> of LoRA.</summary>
    /// <exception cref="InputException">As for any method, and where it is of another.</exception>
    public static new LoraConfig FromJson(string json, string path) => AdapterConfig.FromJson(json, path) as LoraConfig
        ?? throw new InputException($"{path}: a LoRA adapter is needed.");
}

/// <summary>How the matrices of LoRA start.</summary>
public enum LoraStart
{
    /// <summary>A uniform, B zero.</summary>
    Default,

    /// <summary>At the largest singular components of the weight.</summary>
    Pissa,

    /// <summary>At the QR factors of the weight.</summary>
    Olora,
}
