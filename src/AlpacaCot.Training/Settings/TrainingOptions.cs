using AlpacaCot.Configuration;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;

namespace AlpacaCot.Training.Settings;

/// <summary>The options of training. The defaults follow Alpaca-LoRA.</summary>
public sealed record TrainingOptions
{
    /// <summary>The name of supervised fine-tuning, the default objective.</summary>
    public const string Supervised = "supervised";

    /// <summary>The training objective, by its name in the registry.</summary>
    public string Objective { get; init; } = Supervised;

    /// <summary>Passes over the training data; fractions are allowed.</summary>
    public double Epochs { get; init; } = 3;

    /// <summary>The number of optimizer steps; replaces <see cref="Epochs"/>.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>Examples for each optimizer step.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Examples for each forward and backward pass.</summary>
    public int MicroBatchSize { get; init; } = 4;

    /// <summary>Whether the run replaces <see cref="MicroBatchSize"/> by the largest size that fits into memory.</summary>
    public bool FitsMicroBatch { get; init; }

    /// <summary>The peak learning rate.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>The shape of the learning rate after the warmup.</summary>
    public LearningRateSchedule Schedule { get; init; }

    /// <summary>Optimizer steps of linear warmup from zero.</summary>
    public int? WarmupSteps { get; init; }

    /// <summary>The warmup as a fraction of all steps; replaces <see cref="WarmupSteps"/>.</summary>
    public double? WarmupRatio { get; init; }

    /// <summary>The optimizer, one of <see cref="Optimizers.OptimizerRegistry.All"/>.</summary>
    public string Optimizer { get; init; } = "adamw";

    /// <summary>Weight decay, scaled by the learning rate; decoupled, except for SGD.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Decay rate of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay rate of the second moment.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to AdamW's denominator for numerical stability.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decay rate of the momentum of SGD and Muon; null: the optimizer's default.</summary>
    public double? Momentum { get; init; }

    /// <summary>The rank of GaLore's projection.</summary>
    public int GaLoreRank { get; init; } = 128;

    /// <summary>Optimizer steps between two updates of GaLore's projection.</summary>
    public int GaLoreInterval { get; init; } = 200;

    /// <summary>The scale of GaLore's updates.</summary>
    public double GaLoreFactor { get; init; } = 0.25;

    /// <summary>The scale of NEFTune's noise on token embeddings; 0: no noise.</summary>
    public double NeftuneAlpha { get; init; }

    /// <summary>The maximum global L2 norm of the gradients; 0: no clipping.</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>The maximum length of an example in tokens; longer examples are truncated.</summary>
    public int CutoffLength { get; init; } = 512;

    /// <summary>Whether prompt tokens are included in the loss.</summary>
    public bool TrainOnInputs { get; init; }

    /// <summary>The words of <see cref="TrainOn"/> in recipes and options.</summary>
    public static Words<TrainOn> TrainOnWords { get; } =
        new((TrainOn.All, "all"), (TrainOn.Last, "last"), (TrainOn.Roles, "roles"), (TrainOn.PerTurn, "per-turn"));

    /// <summary>The turns included in the loss.</summary>
    public TrainOn TrainOn { get; init; }

    /// <summary>The roles of <see cref="TrainOn.Roles"/>.</summary>
    public IReadOnlyList<Role> TrainOnRoles { get; init; } = [];

    /// <summary>What becomes of the reasoning of a turn.</summary>
    public ReasoningUse Reasoning { get; init; }

    /// <summary>The number of examples split off the training data for validation.</summary>
    public int ValidationSize { get; init; }

    /// <summary>Optimizer steps between validations; null: once an epoch.</summary>
    public int? EvalSteps { get; init; }

    /// <summary>The run ends after so many validations in a row without an improvement; null: it runs to its last step.</summary>
    public int? EarlyStopping { get; init; }

    /// <summary>The decrease of the validation loss that counts as an improvement for <see cref="EarlyStopping"/>.</summary>
    public double EarlyStoppingMinDelta { get; init; }

    /// <summary>Whose weights are the result where <see cref="EarlyStopping"/> ended the run.</summary>
    public StoppedResult EarlyStoppingResult { get; init; }

    /// <summary>Optimizer steps between checkpoints; null: once an epoch.</summary>
    public int? SaveSteps { get; init; }

    /// <summary>Optimizer steps between log entries.</summary>
    public int LoggingSteps { get; init; } = 1;

    /// <summary>The number of checkpoints kept; older ones are deleted.</summary>
    public int SaveTotalLimit { get; init; } = 3;

    /// <summary>Whether batches contain examples of similar length, for less padding.</summary>
    public bool GroupByLength { get; init; }

    /// <summary>Whether the examples of a micro-batch are laid end to end without padding, if the model allows it.</summary>
    public bool Packing { get; init; } = true;

    /// <summary>The words of <see cref="Compute"/> and of arithmetics in recipes and screens.</summary>
    public static Words<Arithmetic> ArithmeticWords { get; } =
        new((Models.Runtime.Arithmetic.Float32, "fp32"), (Models.Runtime.Arithmetic.BFloat16, "bf16"),
            (Models.Runtime.Arithmetic.Int8, "int8"));

    /// <summary>The arithmetic of products with the frozen base weights; null: the fastest by calibration.</summary>
    public Arithmetic? Arithmetic { get; init; } = Models.Runtime.Arithmetic.Float32;

    /// <summary>The random seed of initialization, shuffling and dropout.</summary>
    public int Seed { get; init; } = 42;

    /// <summary>Whether activations are recomputed in the backward pass instead of stored.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>The number of CPU threads; null: one for each core.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Whether invalid records are skipped and reported; otherwise the first one stops the run.
    /// </summary>
    public bool SkipBad { get; init; }
}

/// <summary>The result of a run that early stopping ended.</summary>
public enum StoppedResult
{
    /// <summary>The weights of the lowest validation loss.</summary>
    Best,

    /// <summary>The weights of the last step.</summary>
    Last,
}
