using System.Collections.ObjectModel;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Training.Settings;

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
