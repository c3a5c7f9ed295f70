using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of LoRA and of those variants that differ in settings only.</summary>
public sealed record LoraConfig : LowRankConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Lora.Method;

    /// <summary><c>lora_dropout</c>: dropout probability on the adapter's input, in training only.</summary>
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

    /// <summary><c>bias</c>: base-model biases that are trained and saved with the adapter.</summary>
    public BiasTraining Bias { get; init; }

    /// <summary><c>lora_bias</c>: B has a bias.</summary>
    public bool HasBias { get; init; }

    /// <summary><c>use_rslora</c>: scale by alpha / sqrt(rank) (Kalajdzievski, 2023).</summary>
    public bool UseRsLora { get; init; }

    /// <summary><c>use_dora</c>: train the norms of the weight's rows separately (Liu et al., 2024).</summary>
    public bool UseDora { get; init; }

    /// <summary>
    /// The initialization of A and B. Saved adapters always have the default, since saving converts the other initializations to
    /// a plain LoRA.
    /// </summary>
    public LoraStart Start { get; init; }

    /// <summary>
    /// LoftQ's initialization on a quantized base, or null; saved in <c>loftq_config</c>, with a plain <c>init_lora_weights</c>.
    /// </summary>
    public LoftqConfig? Loftq { get; init; }

    /// <summary>LoRA+ (Hayou et al., 2024): the learning rate of B relative to that of A; null: equal. Not saved.</summary>
    public double? PlusRatio { get; init; }

    /// <summary>
    /// <c>fan_in_fan_out</c>: the target layers store their weight as [in, out] (GPT-2's Conv1D). The shapes of A and B do not
    /// depend on it.
    /// </summary>
    public bool FanInFanOut { get; init; }

    /// <summary>
    /// <c>trainable_token_indices</c>: ids of tokens whose vectors are trained, by embedding; the name is empty for the
    /// token embedding.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> TokenIndices { get; init; } =
        System.Collections.ObjectModel.ReadOnlyDictionary<string, IReadOnlyList<int>>.Empty;

    /// <inheritdoc/>
    public override double ScaleOf(string module) => UseRsLora
        ? Targets.Own(AlphaPattern, module, Alpha) / Math.Sqrt(RankOf(module)) : base.ScaleOf(module);

    /// <summary>Reads the content of an <c>adapter_config.json</c> of LoRA.</summary>
    /// <exception cref="InputException">As for <see cref="AdapterConfig.FromJson"/>, or the method is not LoRA.</exception>
    public static new LoraConfig FromJson(string json, string path) => AdapterConfig.FromJson(json, path) as LoraConfig
        ?? throw new InputException($"{path}: this is not a LoRA adapter; only LoRA is allowed here.");
}

/// <summary>Initialization of LoRA's matrices.</summary>
public enum LoraStart
{
    /// <summary>A uniform, B zero.</summary>
    Default,

    /// <summary>The largest singular components of the weight.</summary>
    Pissa,

    /// <summary>The QR factors of the weight.</summary>
    Olora,
}
