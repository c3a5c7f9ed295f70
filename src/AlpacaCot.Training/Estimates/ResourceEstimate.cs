using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Estimates;

/// <summary>The memory of a run in bytes by component; activations are estimated, the other components are exact.</summary>
/// <param name="Weights">The base model's weights in their storage format.</param>
/// <param name="Adapter">The adapter's weights and all gradients, fp32; in full tuning only the gradients.</param>
/// <param name="Optimizer">The optimizer's state.</param>
/// <param name="Activations">The activations that a micro-batch of maximum length keeps for its backward pass.</param>
public sealed record MemoryEstimate(long Weights, long Adapter, long Optimizer, long Activations)
{
    private const long Program = 350_000_000; // resident before a model is loaded: runtime and libtorch

    /// <summary>The sum of the components.</summary>
    public long Total => Weights + Adapter + Optimizer + Activations;

    /// <summary>The process's resident memory: the components and the program itself.</summary>
    public long Process => Total + Program;
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
        if (!trains) return new(model.Shape.Family, recipe.Adapter.Method, parameters, 0, new MemoryEstimate(weights, 0, 0, 0));

        using var adapter = recipe.Adapter.Complete(new AdapterSetup(model, recipe.Training.Seed, _ => [0], recipe.Model.Path))
            is { } config ? AdapterMethods.Count(model, config) : null;
        var note = PositionLimit.Check(model, recipe.Training.CutoffLength, "training.cutoff_length");
        var trained = adapter?.Parameters ?? model.Parameters;
        var count = trained.Values.Sum(p => p.numel());
        return new ResourceEstimate(model.Shape.Family, recipe.Adapter.Method, parameters, count, new MemoryEstimate(weights,
            count * Float * (full ? 1 : 2), OptimizerRegistry.StateBytes(recipe.Training, model, trained),
            Activations(recipe.Training, model)))
        {
            Notes = note is null ? [] : [note],
        };
    }

    private static long WeightBytes(Recipe recipe, ModelDescription description, CausalModel model)
    {
        var requested = recipe.QuantizationOptions;
        var layers = model.Linears.Values.Where(l => l != model.Head).ToDictionary(l => l.Name + ".weight");
        return model.Parameters.Sum(p => layers.TryGetValue(p.Key, out var layer)
            && (requested is not null && requested.Covers(layer.Name) ? requested : description.QuantizationOf(p.Key))
                is { } format
                ? format.Bytes(layer.Outputs, layer.Inputs) : p.Value.numel() * p.Value.element_size());
    }

    // Every linear layer's output is kept for the backward pass, norms and residuals double that; with gradient checkpointing
    // only the inputs of blocks and one block's outputs. Then the logits and their gradient at the supervised positions, at most
    // as many as tokens.
    private static long Activations(TrainingOptions options, CausalModel model)
    {
        var tokens = (long)options.MicroBatchSize * options.CutoffLength;
        var outputs = model.Linears.Values.Where(l => l != model.Head && !l.Name.Contains(".experts.", StringComparison.Ordinal))
            .Sum(l => l.Outputs);
        var (layers, hidden) = ((long)model.Shape.Layers, model.Shape.Hidden);
        var kept = options.GradientCheckpointing ? layers * hidden + 2 * outputs / layers : 2 * outputs;
        return tokens * Float * (kept + 2L * model.Shape.Vocabulary);
    }
}
