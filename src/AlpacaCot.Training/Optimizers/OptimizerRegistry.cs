using AlpacaCot.Models.Families;
using AlpacaCot.Training.Settings;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>A key of a recipe's training section that an optimizer uses.</summary>
/// <param name="Name">The key, without <c>training.</c></param>
/// <param name="Default">The optimizer's default; null: the default of <see cref="TrainingOptions"/>.</param>
public sealed record OptimizerKey(string Name, double? Default = null)
{
    /// <summary>A key with the general default.</summary>
    public static implicit operator OptimizerKey(string name) => new(name);
}

/// <summary>The shape and kind of a trained parameter, for computing the state's size.</summary>
/// <param name="Shape">The shape.</param>
/// <param name="IsHidden">
/// Whether it is a hidden weight, rather than an embedding, the output head or a norm; an adapter's tensors are hidden weights.
/// </param>
public sealed record OptimizedParameter(IReadOnlyList<long> Shape, bool IsHidden)
{
    /// <summary>The number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Whether it is a hidden weight with two dimensions.</summary>
    public bool IsHiddenMatrix => IsHidden && Shape.Count == 2;
}

/// <summary>The arguments of an optimizer's constructor.</summary>
/// <param name="Training">The recipe's training section.</param>
/// <param name="Parameters">The trained fp32 tensors by name.</param>
/// <param name="IsHidden">See <see cref="OptimizedParameter.IsHidden"/>; by name.</param>
/// <param name="RateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
public sealed record OptimizerRequest(TrainingOptions Training, IReadOnlyDictionary<string, Tensor> Parameters,
    Func<string, bool> IsHidden, Func<string, double>? RateFactor)
{
    /// <summary>The recipe's hyperparameters of AdamW.</summary>
    public AdamWOptions Adam => new(Training.Beta1, Training.Beta2, Training.Epsilon, Training.WeightDecay);
}

/// <summary>An optimizer with its name in recipes.</summary>
/// <param name="Name">The value of <c>training.optimizer</c>.</param>
/// <param name="Keys">The optimizer-specific keys that it uses.</param>
/// <param name="FitsAdapters">Whether it is applicable to an adapter's small matrices.</param>
/// <param name="StateBytes">Computes the size of <see cref="Optimizer.State"/> for one parameter, in bytes.</param>
/// <param name="Create">Creates it.</param>
public sealed record OptimizerEntry(string Name, IReadOnlyList<OptimizerKey> Keys, bool FitsAdapters,
    Func<OptimizedParameter, TrainingOptions, long> StateBytes, Func<OptimizerRequest, Optimizer> Create)
{
    /// <summary>Whether it uses a key.</summary>
    public bool Uses(string key) => Keys.Any(k => k.Name == key);

    /// <summary>Its default of a key; null where it has none.</summary>
    public double? Default(string key) => Keys.FirstOrDefault(k => k.Name == key)?.Default;
}

/// <summary>The available optimizers. A new optimizer is one file and one entry here.</summary>
public static class OptimizerRegistry
{
    private const int Float = 4; // bytes
    private const int Smallest8Bit = 4096; // parameters with fewer elements keep fp32 moments
    private const double MuonMomentum = 0.95;

    /// <summary>Every optimizer.</summary>
    public static IReadOnlyList<OptimizerEntry> All { get; } =
    [
        new("adamw", ["beta1", "beta2", "epsilon"], true, (p, _) => Moments(p),
            r => new AdamW(r.Parameters, r.Adam, r.RateFactor)),
        new("adamw8bit", ["beta1", "beta2", "epsilon"], true,
            (p, _) => p.Count < Smallest8Bit ? Moments(p) : 2 * (p.Count + Float * Blocks(p.Count, AdamW8BitRule.Block)),
            r => new AdamW8Bit(r.Parameters, r.Adam, r.RateFactor, Smallest8Bit)),
        new("adafactor", [], true,
            (p, _) => Float * (p.Shape.Count < 2 ? p.Count : p.Count / p.Shape[^1] + p.Count / p.Shape[^2]),
            r => new Adafactor(r.Parameters, r.Training.WeightDecay, r.RateFactor)),
        new("lion", ["beta1", new("beta2", 0.99)], true, (p, _) => Float * p.Count,
            r => new Lion(r.Parameters, r.Training.Beta1, r.Training.Beta2, r.Training.WeightDecay, r.RateFactor)),
        new("sgd", [new("momentum", 0)], true, (p, t) => t.Momentum is null or 0 ? 0 : Float * p.Count,
            r => new Sgd(r.Parameters, r.Training.Momentum ?? 0, r.Training.WeightDecay, r.RateFactor)),
        new("muon", ["beta1", "beta2", "epsilon", new("momentum", MuonMomentum)], true,
            (p, _) => p.IsHiddenMatrix ? Float * p.Count : Moments(p),
            r => new Muon(r.Parameters, r.Adam, r.Training.Momentum ?? MuonMomentum, r.IsHidden, r.RateFactor)),
        new("galore", ["beta1", "beta2", "epsilon", "galore_rank", "galore_interval", "galore_factor"], false,
            (p, t) => p.IsHiddenMatrix && p.Shape.Min() > t.GaLoreRank
                ? Float * t.GaLoreRank * (p.Shape.Min() + 2 * p.Shape.Max()) : Moments(p),
            r => new GaLore(r.Parameters, r.Adam,
                new GaLoreOptions(r.Training.GaLoreRank, r.Training.GaLoreInterval, r.Training.GaLoreFactor), r.IsHidden,
                r.RateFactor)),
    ];

    /// <summary>The optimizer-specific keys.</summary>
    internal static IEnumerable<string> Keys => All.SelectMany(entry => entry.Keys).Select(key => key.Name).Distinct();

    /// <summary>An optimizer by its name in recipes.</summary>
    public static OptimizerEntry Named(string name) => All.First(entry => entry.Name == name);

    /// <summary>The optimizers that use a key.</summary>
    internal static IEnumerable<string> Using(string key) => All.Where(entry => entry.Uses(key)).Select(entry => entry.Name);

    /// <summary>Whether an optimizer uses a key.</summary>
    internal static bool Knows(string optimizer, string key) => Named(optimizer).Uses(key);

    /// <summary>Creates the optimizer of a recipe.</summary>
    /// <param name="training">The recipe's training section.</param>
    /// <param name="model">The model, whose embeddings and head are not hidden matrices.</param>
    /// <param name="parameters">The trained tensors by name.</param>
    /// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
    public static Optimizer Create(TrainingOptions training, CausalModel model, IReadOnlyDictionary<string, Tensor> parameters,
        Func<string, double>? rateFactor = null) =>
        Named(training.Optimizer).Create(
            new OptimizerRequest(training, parameters, name => IsHidden(model, name), rateFactor));

    /// <summary>The size of the state of all trained tensors in bytes; only shapes are used.</summary>
    public static long StateBytes(TrainingOptions training, CausalModel model, IReadOnlyDictionary<string, Tensor> parameters)
    {
        var entry = Named(training.Optimizer);
        return parameters.Sum(p => entry.StateBytes(new OptimizedParameter(p.Value.shape, IsHidden(model, p.Key)), training));
    }

    private static bool IsHidden(CausalModel model, string name) => !model.Parameters.ContainsKey(name)
        || (name != model.Head.Name + ".weight" && model.Linears.Keys.Any(layer => name == layer + ".weight"));

    private static long Moments(OptimizedParameter p) => 2 * Float * p.Count;

    private static long Blocks(long count, int size) => (count + size - 1) / size;
}
