using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Estimates;

/// <summary>The memory of a run in bytes by component; activations and buffers are estimated, the other components are
/// exact.</summary>
/// <param name="Weights">The base model's weights in their storage format.</param>
/// <param name="Adapter">The adapter's weights and all gradients, fp32; in full tuning only the gradients.</param>
/// <param name="Optimizer">The optimizer's state.</param>
/// <param name="Activations">The activations, logits and gradients of a micro-batch at their peak.</param>
public sealed record MemoryEstimate(long Weights, long Adapter, long Optimizer, long Activations)
{
    /// <summary>What is resident before a model is loaded: runtime and libtorch.</summary>
    public const long Program = 350_000_000;

    /// <summary>What the process takes beside the components: the program, or on a GPU the context
    /// (<see cref="DeviceMemory.CudaHeadroom"/>).</summary>
    public long Beside { get; init; } = Program;

    /// <summary>What products keep beside the weights, or expand them into.</summary>
    public long Buffers { get; init; }

    /// <summary>The part of the weights that stays in its mapped file: matrices of which only codes are used, or that are read
    /// for each product.</summary>
    public long InFile { get; init; }

    /// <summary>The sum of the components.</summary>
    public long Total => Weights + Adapter + Optimizer + Activations + Buffers;

    /// <summary>The memory of the process, on the host or, with its context, on the GPU: the components in memory and what it
    /// takes beside them.</summary>
    public long Process => Total - InFile + Beside;
}

/// <summary>Parameters and memory of a recipe's run, computed from shapes without reading or allocating weights.</summary>
/// <param name="Family">The model's family.</param>
/// <param name="Method">The adapter method.</param>
/// <param name="BaseParameters">Parameters of the base model.</param>
/// <param name="TrainableParameters">Parameters that are trained.</param>
/// <param name="Memory">The memory.</param>
public sealed record ResourceEstimate(string Family, string Method, long BaseParameters, long TrainableParameters,
    MemoryEstimate Memory)
{
    private const int Float = 4; // bytes

    /// <summary>What a user should know before the run.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Trained parameters as a percentage of all, the adapter's included.</summary>
    public double Percent => 100.0 * TrainableParameters / (Method == "none" ? BaseParameters : BaseParameters
        + TrainableParameters);

    /// <summary>Estimates a run of a recipe; a model folder with only <c>config.json</c> is sufficient.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="trains">False: only inference with the base model.</param>
    /// <exception cref="InputException">The recipe cannot be run: its model, targets or settings are invalid.</exception>
    public static ResourceEstimate Of(Recipe recipe, bool trains = true) => Of(recipe, ModelDescription.Of(recipe.Model), trains);

    /// <summary>Estimates a run on a described model.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="description">The model; the recipe's model is ignored.</param>
    /// <param name="trains">False: only inference with the base model.</param>
    /// <exception cref="InputException">The recipe cannot be run on it.</exception>
    public static ResourceEstimate Of(Recipe recipe, ModelDescription description, bool trains = true)
    {
        using var model = ModelFamilies.Build(description.Config, new ShapeWeights(description.TypeOf));
        var parameters = model.Parameters.Values.Sum(p => p.numel());
        var full = recipe.TrainsAllParameters;
        var weights = trains && full ? parameters * Float : WeightBytes(recipe, description, model);
        if (!trains)
            return new(model.Shape.Family, recipe.Adapter.Method, parameters, 0, new MemoryEstimate(weights, 0, 0, 0));

        using var adapter = recipe.Adapter.Complete(new AdapterSetup(model, recipe.Training.Seed, _ => [0], recipe.Model.Path))
            is { } config ? AdapterMethods.Count(model, config) : null;
        var note = PositionLimit.Check(model, recipe.Training.CutoffLength, "training.cutoff_length");
        var trained = adapter?.Parameters ?? model.Parameters;
        var count = trained.Values.Sum(p => p.numel());
        var work = StepWork.Of(model, recipe.Training, full ? null : count, recipe.Adapter.Config is LoraConfig { Dropout: > 0 },
            layer => FormOf(recipe, description, layer, model.Head), ActiveExperts(description),
            IsOnGpu(recipe) ? recipe.Dtype : null);
        return new ResourceEstimate(model.Shape.Family, recipe.Adapter.Method, parameters, count, new MemoryEstimate(weights,
            count * Float * (full ? 1 : 2), OptimizerRegistry.StateBytes(recipe.Training, model, trained),
            (long)work.Activations(MicroBatchLoad.Full(recipe.Training.MicroBatchSize, recipe.Training.CutoffLength)))
            {
                Buffers = work.Buffers, InFile = description.IsMapped && !IsOnGpu(recipe) ? work.OutOfMemory : 0,
                Beside = IsOnGpu(recipe) ? DeviceMemory.CudaHeadroom : MemoryEstimate.Program,
            })
        {
            Notes = note is null ? [] : [note], Work = work, Quantizes = recipe.QuantizationOptions is not null,
        };
    }

    /// <summary>Whether a recipe names a GPU, whose memory is then counted instead of the host's.</summary>
    public static bool IsOnGpu(Recipe recipe) => recipe.Device.StartsWith("cuda", StringComparison.Ordinal);

    /// <summary>The memory while a micro-batch is computed.</summary>
    public MemoryEstimate At(MicroBatchLoad load) =>
        Work is null ? Memory : Memory with { Activations = (long)Work.Activations(load) };

    /// <summary>The resident memory of the process while a micro-batch is computed, in bytes.</summary>
    public long PeakAt(MicroBatchLoad load) => At(load).Process;

    /// <summary>The arithmetic of the recipe, or the fastest on a machine where the recipe leaves it open.</summary>
    public Arithmetic ArithmeticOn(MachineCalibration machine) => Work is not { Full: false } work ? Arithmetic.Float32
        : work.Options.Arithmetic ?? machine.Fastest(work.Matrices, RunForecast.UsualRows);

    /// <summary>Whether the weights are converted to another form when they are loaded.</summary>
    internal bool Converts(Arithmetic arithmetic) => Quantizes || arithmetic != Arithmetic.Float32;

    internal StepWork? Work { get; private init; }

    private bool Quantizes { get; init; }

    private static QuantizationOptions? QuantizationOf(Recipe recipe, ModelDescription description, Linear layer) =>
        recipe.QuantizationOptions is { } requested && requested.Covers(layer.Name) ? requested
            : description.QuantizationOf(layer.Name + ".weight");

    private static WeightForm FormOf(Recipe recipe, ModelDescription description, Linear layer, Linear head) =>
        layer != head && QuantizationOf(recipe, description, layer) is { } form
            ? form.Type == QuantizationType.Int8 ? WeightForm.Int8 : WeightForm.FourBit
            : layer.Matrix is DenseMatrix dense && dense.Weight.dtype != TorchSharp.torch.ScalarType.Float32
                ? WeightForm.Half : WeightForm.Float32;

    private static double ActiveExperts(ModelDescription description)
    {
        double? Number(params string[] keys) => keys.Select(key =>
            description.Config.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number
                ? value.GetDouble() : (double?)null).FirstOrDefault(value => value is > 0);
        return Number("num_experts_per_tok") / Number("num_experts", "num_local_experts") ?? 1;
    }

    private static long WeightBytes(Recipe recipe, ModelDescription description, CausalModel model)
    {
        var layers = model.Linears.Values.Where(l => l != model.Head).ToDictionary(l => l.Name + ".weight");
        return model.Parameters.Sum(p => layers.TryGetValue(p.Key, out var layer)
            && QuantizationOf(recipe, description, layer) is { } format
                ? format.Bytes(layer.Outputs, layer.Inputs) : p.Value.numel() * p.Value.element_size());
    }
}
