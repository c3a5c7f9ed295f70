namespace AlpacaCot.Training.Settings;

/// <summary>How a run learns. The defaults are those of the Alpaca-LoRA recipes where they have one.</summary>
public sealed record TrainingOptions
{
    /// <summary>The word for supervised tuning, the default objective.</summary>
    public const string Supervised = "supervised";

    /// <summary>The name of an objective in the registry.</summary>
    public string Objective { get; init; } = Supervised;

    /// <summary>Passes over the data.</summary>
    public double Epochs { get; init; } = 3;

    /// <summary>Optimizer steps; takes the place of <see cref="Epochs"/>.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>Examples an optimizer step.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Examples that go through the model at a time.</summary>
    public int MicroBatchSize { get; init; } = 4;

    /// <summary>Learning rate at the top of the schedule.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>The learning rate after the warmup.</summary>
    public LearningRateSchedule Schedule { get; init; }

    /// <summary>Optimizer steps over which the learning rate rises from zero.</summary>
    public int? WarmupSteps { get; init; }

    /// <summary>The same as a share of all steps.</summary>
    public double? WarmupRatio { get; init; }

    /// <summary>One of <see cref="Optimizers.OptimizerRegistry.All"/>.</summary>
    public string Optimizer { get; init; } = "adamw";

    /// <summary>Decay of every weight, times the learning rate.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Decay rate of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay rate of the second moment.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>AdamW's guard against division by zero.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decay rate of the momentum of SGD and Muon; each has its standard.</summary>
    public double? Momentum { get; init; }

    /// <summary>Rank of the subspace that GaLore works in.</summary>
    public int GaLoreRank { get; init; } = 128;

    /// <summary>Optimizer steps between two choices of that subspace.</summary>
    public int GaLoreInterval { get; init; } = 200;

    /// <summary>GaLore's factor on updates.</summary>
    public double GaLoreFactor { get; init; } = 0.25;

    /// <summary>NEFTune's noise on token vectors; 0: none.</summary>
    public double NeftuneAlpha { get; init; }

    /// <summary>Gradients are scaled down to this global L2 norm; 0 leaves them alone.</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>The longest example in tokens; the rest is cut.</summary>
    public int CutoffLength { get; init; } = 512;

    /// <summary>Whether the prompt's tokens count in the loss too.</summary>
    public bool TrainOnInputs { get; init; }

    /// <summary>Examples split off the training data to measure the validation loss.</summary>
    public int ValidationSize { get; init; }

    /// <summary>Optimizer steps between measurements of the validation loss; once an epoch when absent.</summary>
    public int? EvalSteps { get; init; }

    /// <summary>Optimizer steps between checkpoints; once an epoch when absent.</summary>
    public int? SaveSteps { get; init; }

    /// <summary>Optimizer steps between logged measurements.</summary>
    public int LoggingSteps { get; init; } = 1;

    /// <summary>Checkpoints kept; older ones are deleted.</summary>
    public int SaveTotalLimit { get; init; } = 3;

    /// <summary>Whether examples of similar length share a batch, which saves padding.</summary>
    public bool GroupByLength { get; init; }

    /// <summary>Seed of everything random in the run.</summary>
    public int Seed { get; init; } = 42;

    /// <summary>Whether blocks are computed again in the backward pass instead of keeping their activations.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Threads of the tensor library; one for every core when absent.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Whether records that cannot be used are counted, named and left out; otherwise the first one ends the run.
    /// </summary>
    public bool SkipBad { get; init; }
}
