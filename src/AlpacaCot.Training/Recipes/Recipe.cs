using System.Collections.ObjectModel;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Recipes;

/// <summary>
/// The complete configuration of a run: model, prompt template, data, adapter and training. <see cref="RecipeFile"/> reads it
/// from YAML.
/// </summary>
public sealed record Recipe
{
    /// <summary>The file it was read from, for messages; empty for recipes created in code.</summary>
    public string File { get; init; } = "";

    /// <summary>The model to tune.</summary>
    public ModelSpec Model { get; init; } = new();

    /// <summary>The prompt template: the name of a built-in one, a file, or <c>model</c>; null: the model's own, else
    /// <c>alpaca</c>.</summary>
    public string? Template { get; init; }

    /// <summary>The training data, one or more sources.</summary>
    public IReadOnlyList<DataSpec> Data { get; init; } = [];

    /// <summary>The mixing of the data sources.</summary>
    public MixtureSpec Mixture { get; init; } = new();

    /// <summary>
    /// Separate validation data; empty for none, or where it is split off by <see cref="TrainingOptions.ValidationSize"/>.
    /// </summary>
    public IReadOnlyList<DataSpec> Validation { get; init; } = [];

    /// <summary>The adapter method with its settings, or full tuning.</summary>
    public AdapterRecipe Adapter { get; init; } = AdapterRecipe.Of("lora");

    /// <summary>Whether every parameter is trained, without an adapter.</summary>
    public bool TrainsAllParameters => Adapter.Config is null;

    /// <summary>The quantization of the frozen weights; null: as stored.</summary>
    public QuantizationType? Quantization { get; init; }

    /// <summary>The quantization options of the frozen weights while loading; null: as stored.</summary>
    public QuantizationOptions? QuantizationOptions => Quantization is { } type ? new QuantizationOptions(type) : null;

    /// <summary>The device to compute on, a word of <see cref="DeviceChoice"/>.</summary>
    public string Device { get; init; } = DeviceChoice.Auto;

    /// <summary>The type of the activations between layers.</summary>
    public ActivationType Dtype { get; init; }

    /// <summary>The training options.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>The run folder.</summary>
    public string Output { get; init; } = "";

    /// <summary>The element type of a saved full model; null: fp32. Only for full tuning.</summary>
    public SavedType? SaveDtype { get; init; }
}

/// <summary>The element types of a saved full model.</summary>
public enum SavedType
{
    /// <summary>Four bytes for each weight.</summary>
    Float32,

    /// <summary>Two bytes for each weight of a matrix; vectors stay fp32.</summary>
    BFloat16,
}

/// <summary>The model to tune: a Hugging Face folder, or a configuration that is initialized with random weights.</summary>
public sealed record ModelSpec
{
    /// <summary>A Hugging Face model folder, a folder of its cache, or a run folder with a whole model.</summary>
    public string? Path { get; init; }

    /// <summary>The model's own folder or file; null without a <see cref="Path"/>.</summary>
    /// <exception cref="Text.InputException">The path is a run folder without a whole model.</exception>
    public string? Folder => Path is null ? null : Models.Checkpoints.Folders.ModelLocation.FolderOf(Path);

    /// <summary>A <c>config.json</c> for training from scratch with random weights.</summary>
    public string? Init { get; init; }

    /// <summary>The tokenizer's folder or file; null: the model folder's.</summary>
    public string? Tokenizer { get; init; }
}

/// <summary>One data source.</summary>
public sealed record DataSpec
{
    /// <summary>The path of a file, or of a data set's folder.</summary>
    public string Path { get; init; } = "";

    /// <summary>The name in studies.</summary>
    public string? Name { get; init; }

    /// <summary>The name of a data set in the collection; null for a file.</summary>
    public string? Source { get; init; }

    /// <summary>The data set, which defines how its files are read; null: the format is recognised from the content.</summary>
    public IInstructionSource? Set { get; init; }

    /// <summary>The relative frequency of the source's records; 2 is twice as often.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>The fraction of the mixture, above 0 and at most 1; replaces the weight.</summary>
    public double? Share { get; init; }

    /// <summary>
    /// The common name of sources that share one fraction of the mixture, divided by weights and numbers of records.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>The passes over the source in one training epoch; with shares or a mixture size, the maximum.</summary>
    public double? Epochs { get; init; }

    /// <summary>The maximum number of records after <see cref="Skip"/>; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>The number of records skipped at the start.</summary>
    public int Skip { get; init; }

    /// <summary>The format of the records, where it is not recognised from the content; see
    /// <see cref="RecordFormats.Names"/>.</summary>
    public string? Format { get; init; }

    /// <summary>Column names of the file by field, such as <c>instruction</c> to <c>q</c>.</summary>
    public IReadOnlyDictionary<string, string> Columns { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Its line in the recipe, from 1; 0 for recipes created in code.</summary>
    public int Line { get; init; }
}

/// <summary>The mixing of data sources.</summary>
public sealed record MixtureSpec
{
    /// <summary>The order of records from different sources.</summary>
    public MixtureOrder Order { get; init; }

    /// <summary>The sampling temperature: sources are sampled in proportion to records^(1 / temperature); above 1 favours small
    /// sources.</summary>
    public double? Temperature { get; init; }

    /// <summary>The number of records in the mixture; null: a mixture of shares ends when its first source is
    /// exhausted.</summary>
    public int? Size { get; init; }
}
