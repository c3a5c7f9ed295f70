using System.Collections.ObjectModel;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Training.Optimizers;

namespace AlpacaCot.Training.Recipes;

/// <summary>
/// Everything a run is made of: the model, the prompt, the data, what is trained and how. <see cref="RecipeFile"/> reads it
/// from YAML.
/// </summary>
public sealed record Recipe
{
    /// <summary>The file it was read from, for messages; empty when made in code.</summary>
    public string File { get; init; } = "";

    /// <summary>The model to tune.</summary>
    public ModelSpec Model { get; init; } = new();

    /// <summary>The prompt template: the name of a built-in one, a file, or <c>model</c>; null: the model's own, else
    /// <c>alpaca</c>.</summary>
    public string? Template { get; init; }

    /// <summary>The training data, one or more parts.</summary>
    public IReadOnlyList<DataSpec> Data { get; init; } = [];

    /// <summary>How the parts of the training data come together.</summary>
    public MixtureSpec Mixture { get; init; } = new();

    /// <summary>
    /// Validation data of its own; empty when there is none or it is split off by <see cref="TrainingOptions.ValidationSize"/>.
    /// </summary>
    public IReadOnlyList<DataSpec> Validation { get; init; } = [];

    /// <summary>What is trained.</summary>
    public AdapterRecipe Adapter { get; init; } = AdapterRecipe.Of("lora");

    /// <summary>Whether every parameter is trained, without an adapter.</summary>
    public bool TrainsAllParameters => Adapter.Config is null;

    /// <summary>The form of the frozen weights; null: as the model has them.</summary>
    public QuantizationType? Quantization { get; init; }

    /// <summary>How the frozen weights are quantized while loading; null: not at all.</summary>
    public QuantizationOptions? QuantizationOptions => Quantization is { } type ? new QuantizationOptions(type) : null;

    /// <summary>How it is trained.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>The run folder.</summary>
    public string Output { get; init; } = "";

    /// <summary>Number format of a saved full model, fp32 where null; only where every parameter is trained.</summary>
    public SavedType? SaveDtype { get; init; }
}

/// <summary>Number formats of a saved full model.</summary>
public enum SavedType
{
    /// <summary>Four bytes a weight.</summary>
    Float32,

    /// <summary>Matrices with two bytes a weight.</summary>
    BFloat16,
}

/// <summary>The model to tune: a Hugging Face folder, or a configuration to be filled with random weights.</summary>
public sealed record ModelSpec
{
    /// <summary>A Hugging Face model folder.</summary>
    public string? Path { get; init; }

    /// <summary>A <c>config.json</c> whose model starts from random weights.</summary>
    public string? Init { get; init; }

    /// <summary>The tokenizer's folder or file, where it is not in the model folder.</summary>
    public string? Tokenizer { get; init; }
}

/// <summary>One part of the data.</summary>
public sealed record DataSpec
{
    /// <summary>The file, or the folder of a set.</summary>
    public string Path { get; init; } = "";

    /// <summary>What a study calls it.</summary>
    public string? Name { get; init; }

    /// <summary>The name of the set in the collection, where it is one.</summary>
    public string? Source { get; init; }

    /// <summary>The set, which knows how its files are read; without it the format is recognised.</summary>
    public IInstructionSource? Set { get; init; }

    /// <summary>How often a record counts beside those of the other parts; 2 is twice as often.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>The part of the mixture it makes up, above 0 and at most 1; takes the place of a weight.</summary>
    public double? Share { get; init; }

    /// <summary>
    /// A name that parts with the same share have in common: they make up that share together, divided by weights and records.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>Passes over it in one epoch of the training; where shares or a size decide, the most.</summary>
    public double? Epochs { get; init; }

    /// <summary>The most records taken, after <see cref="Skip"/>; all when absent.</summary>
    public int? Limit { get; init; }

    /// <summary>Records left out at the start of the file.</summary>
    public int Skip { get; init; }

    /// <summary>The format of the records, where the content does not say it; see <see cref="RecordFormats.Names"/>.</summary>
    public string? Format { get; init; }

    /// <summary>The file's own names of the fields: <c>instruction</c> to <c>q</c>.</summary>
    public IReadOnlyDictionary<string, string> Columns { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>The line of the recipe that names it, from 1; 0 when made in code.</summary>
    public int Line { get; init; }
}

/// <summary>How the parts of the data come together.</summary>
public sealed record MixtureSpec
{
    /// <summary>The order of the records of different parts.</summary>
    public MixtureOrder Order { get; init; }

    /// <summary>Above 1 small parts gain: a part is in proportion to records^(1 / temperature).</summary>
    public double? Temperature { get; init; }

    /// <summary>Records in the mixture; without it the first part to run out ends a mixture of shares.</summary>
    public int? Size { get; init; }
}

/// <summary>How a run learns. The defaults are those of the Alpaca-LoRA recipes where they have one.</summary>
public sealed record TrainingOptions
{
    /// <summary>One of <see cref="Objectives.ObjectiveRegistry.All"/>.</summary>
    public string Objective { get; init; } = Objectives.ObjectiveRegistry.All[0].Name;

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
