using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Recipes;
using TorchSharp;

namespace AlpacaCot.Training.Estimates;

/// <summary>Bytes that a run will need, part by part; activations are an estimate, the rest is counted.</summary>
/// <param name="Weights">The base model's weights as they are kept.</param>
/// <param name="Adapter">The trained weights and their gradients, fp32.</param>
/// <param name="Optimizer">AdamW's two moments, fp32.</param>
/// <param name="Activations">What a micro-batch of the longest examples keeps for its backward pass.</param>
public sealed record MemoryEstimate(long Weights, long Adapter, long Optimizer, long Activations)
{
    /// <summary>All together.</summary>
    public long Total => Weights + Adapter + Optimizer + Activations;
}

/// <summary>What a recipe is going to do, worked out from shapes alone: no weight is read or made.</summary>
/// <param name="Family">The model's family.</param>
/// <param name="Method">The adapter method.</param>
/// <param name="BaseParameters">Parameters of the base model.</param>
/// <param name="TrainableParameters">Parameters that are trained.</param>
/// <param name="Percent">Their share of all parameters, the adapter's included.</param>
/// <param name="Memory">What it will need.</param>
/// <param name="Steps">Optimizer steps; null where the data was not read.</param>
/// <param name="Examples">Training examples; null where the data was not read.</param>
public sealed record RunPlan(string Family, string Method, long BaseParameters, long TrainableParameters, double Percent,
    MemoryEstimate Memory, int? Steps, int? Examples)
{
    private const int Float = 4; // bytes

    /// <summary>Plans a recipe's run. Its data is read only where the number of steps depends on it.</summary>
    /// <exception cref="InputException">The recipe cannot be run: no such model, targets, or settings.</exception>
    public static RunPlan Of(Recipe recipe)
    {
        var configPath = recipe.Model.Init ?? Path.Combine(recipe.Model.Path!, "config.json");
        if (!File.Exists(configPath)) throw new InputException($"{recipe.Model.Path}: there is no config.json to plan from.");
        var config = ModelFolder.ReadObject(configPath);
        using var model = ModelFamilies.Build(config, new ShapeWeights());
        var tokenizer = new Lazy<Tokenizer>(() => Tokenizer.Load(recipe.Model.Tokenizer ?? Path.GetDirectoryName(configPath)!));
        using var adapter = Adapter(recipe, model, text => tokenizer.Value.Encode(text, addSpecial: false));
        var whole = model.Parameters.Values.Sum(p => p.numel());
        var trained = adapter?.Parameters.Values.Sum(p => p.numel()) ?? whole;
        var (steps, examples) = CountSteps(recipe, tokenizer);
        return new RunPlan(model.Shape.Family, recipe.Adapter.Method, whole, trained,
            100.0 * trained / (adapter is null ? whole : whole + trained),
            new MemoryEstimate(adapter is null ? whole * Float : WeightBytes(recipe, config, model, whole),
                trained * Float * (adapter is null ? 1 : 2), trained * Float * 2, Activations(recipe.Training, model)), steps,
                examples);
    }

    private static Adapter? Adapter(Recipe recipe, CausalModel model, Func<string, IReadOnlyList<int>> encode) =>
        recipe.Adapter.Complete(new AdapterSetup(model, recipe.Training.Seed, encode, recipe.Model.Path)) is { } config
            ? AdapterMethods.Count(model, config) : null;

    private static long WeightBytes(Recipe recipe, JsonElement config, CausalModel model, long parameters)
    {
        if (recipe.Quantization is { } form)
        {
            var coded = model.Linears.Values.Where(l => l != model.Head).Sum(l => l.Inputs * l.Outputs);
            return (long)(coded * (form == QuantizationType.Int8 ? 1.0 : 0.53)) + (parameters - coded) * 2; // with their scales
        }
        var files = recipe.Model.Path is { } folder
            ? Directory.GetFiles(folder).Where(f => Path.GetExtension(f) is ".safetensors" or ".bin" or ".pth").ToList() : [];
        if (files.Count > 0) return files.Sum(f => new FileInfo(f).Length); // mapped as they are
        var type = new[] { "dtype", "torch_dtype" }.Select(key => config.TryGetProperty(key, out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null).FirstOrDefault(t => t is not null);
        return parameters * (recipe.Model.Init is null && type is "float16" or "bfloat16" ? 2 : Float);
    }

    // Every linear layer's output stays for the backward pass, norms and residuals about double that; where blocks are computed
    // again, their inputs stay and one block's outputs. Then the logits and their gradient over the supervised places, of which
    // there are at most as many as tokens.
    private static long Activations(TrainingOptions options, CausalModel model)
    {
        var tokens = (long)options.MicroBatchSize * options.CutoffLength;
        var outputs = model.Linears.Values.Where(l => l != model.Head && !l.Name.Contains(".experts.", StringComparison.Ordinal))
            .Sum(l => l.Outputs);
        var (layers, hidden) = ((long)model.Shape.Layers, model.Shape.Hidden);
        var kept = options.GradientCheckpointing ? layers * hidden + 2 * outputs / layers : 2 * outputs;
        return tokens * Float * (kept + 2L * model.Shape.Vocabulary);
    }

    private static (int? Steps, int? Examples) CountSteps(Recipe recipe, Lazy<Tokenizer> tokenizer)
    {
        var options = recipe.Training;
        if (options.MaxSteps is { } fixedSteps) return (fixedSteps, null);
        var data = PreparedData.Load(recipe, tokenizer.Value, RecipeTemplate.Of(recipe, tokenizer.Value).Format);
        var plan = new EpochPlan(data.Train, options.BatchSize, options.MicroBatchSize, options.Epochs, null,
            options.GroupByLength, options.Seed);
        return (plan.TotalSteps, data.Train.Count);
    }
}
