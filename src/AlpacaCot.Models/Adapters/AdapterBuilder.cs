using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// Collects the changes a method makes to a model: adapted layers, replaced weights, virtual tokens. Enabling, disabling, saving,
/// restoring and freeing the adapter all follow from what is registered here.
/// </summary>
public sealed class AdapterBuilder
{
    private readonly List<(Action On, Action Off)> _hooks = [];
    private readonly Dictionary<string, Tensor> _trained = [], _constant = [];
    private readonly List<Tensor> _owned = [];
    private readonly List<WeightMatrix> _matrices = [];

    internal AdapterBuilder(CausalModel model, AdapterWeights weights) => (Model, Weights) = (model, weights);

    /// <summary>The base model.</summary>
    public CausalModel Model { get; }

    /// <summary>The source of the adapter's weights: fresh, saved, or shapes only.</summary>
    public AdapterWeights Weights { get; }

    /// <summary>Trained weights by the names used in the saved file.</summary>
    public IReadOnlyDictionary<string, Tensor> Trained => _trained;

    /// <summary>Weights that are saved but not trained, by the names used in the saved file.</summary>
    public IReadOnlyDictionary<string, Tensor> Constant => _constant;

    /// <summary>Training hooks of the method: schedule, learning rates, penalty, optimizer step.</summary>
    public AdapterTraining Training { get; set; } = new();

    /// <summary>The configuration to save; null: the one the adapter was attached with.</summary>
    public AdapterConfig? SavedConfig { get; private set; }

    /// <summary>Saves the weights with a configuration other than the one the adapter was attached with.</summary>
    public void SaveAs(AdapterConfig config) => SavedConfig = config;

    /// <summary>
    /// The saved form of a method whose file differs from its trained weights; null: the weights are saved unchanged.
    /// </summary>
    public SavedForm? Saved { get; set; }

    internal IReadOnlyList<(Action On, Action Off)> Hooks => _hooks;

    /// <summary>Frees every tensor registered here.</summary>
    internal void Dispose()
    {
        foreach (var tensor in _trained.Values.Concat(_constant.Values).Concat(_owned).Concat(Training.State.Values))
            tensor.Dispose();
        foreach (var matrix in _matrices) matrix.Dispose();
    }

    /// <summary>Registers a trained weight; see <see cref="AdapterWeights.Take"/> for the parameters.</summary>
    public Tensor Train(string name, ReadOnlySpan<long> shape, Func<Tensor> start, string? alias = null)
    {
        var weight = Taken(Weights.Take(name, shape, start, alias));
        weight.requires_grad = true;
        _trained.Add(name, weight);
        return weight;
    }

    /// <summary>An fp32 tensor of zeros on the model's device, for initialization.</summary>
    public Tensor Zeros(params ReadOnlySpan<long> shape) =>
        Tensors.Zeros(shape, ScalarType.Float32, Model.Compute.Device);

    // Weights are read or sampled on the CPU, then moved to the model's device.
    private Tensor Taken(Tensor weight) =>
        Model.Compute.IsCpu ? weight : Tensors.On(weight, Model.Compute.Device).DetachFromDisposeScope();

    /// <summary>Registers a weight that is saved but not trained; see <see cref="AdapterWeights.Take"/>.</summary>
    public Tensor AddConstant(string name, ReadOnlySpan<long> shape, Func<Tensor> start)
    {
        var weight = Taken(Weights.Take(name, shape, start));
        _constant.Add(name, weight);
        return weight;
    }

    /// <summary>Takes ownership of a tensor that is neither trained nor saved.</summary>
    public Tensor Own(Tensor tensor)
    {
        _owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    /// <summary>Attaches an adapter to a linear layer.</summary>
    public void Adapt(Linear layer, ILinearAdapter adapter) =>
        _hooks.Add((() => layer.Adapter = adapter, () => layer.Adapter = null));

    /// <summary>Replaces the matrix of a linear layer; the builder takes ownership of the new one.</summary>
    internal void Put(Linear layer, WeightMatrix matrix)
    {
        _matrices.Add(matrix);
        var before = layer.Matrix;
        _hooks.Add((() => layer.Matrix = matrix, () => layer.Matrix = before));
    }

    /// <summary>Attaches an adapter to an embedding.</summary>
    public void Adapt(Embedding layer, IEmbeddingAdapter adapter) =>
        _hooks.Add((() => layer.Adapter = adapter, () => layer.Adapter = null));

    /// <summary>Prepends trained vectors to every sequence.</summary>
    public void Prepend(SoftPrompt prompt) => _hooks.Add((() => Model.SoftPrompt = prompt, () => Model.SoftPrompt = null));

    /// <summary>Prepends trained keys and values to those of every sequence.</summary>
    public void Prepend(KeyValuePrefix prefix) =>
        _hooks.Add((() => Model.KeyValuePrefix = prefix, () => Model.KeyValuePrefix = null));

    /// <summary>
    /// Trains a copy of one of the model's weights; the copy replaces the original while the adapter is enabled.
    /// </summary>
    /// <param name="slot">The weight's name in the model, a key of <see cref="CausalModel.Slots"/>.</param>
    /// <param name="name">The name in the saved file; null: the same name.</param>
    public void TrainInPlace(string slot, string? name = null) => Replace(slot, own => Train(name ?? slot, own.shape, own.alias));

    /// <summary>Replaces one of the model's weights while the adapter is enabled.</summary>
    internal void Replace(string slot, Func<Tensor, Tensor> make)
    {
        var target = Model.Slots[slot];
        var own = make(target.Get());
        Action undo = () => { };
        _hooks.Add((() => undo = target.Put(own), () => undo()));
    }
}

/// <summary>Hooks of a method into training, in addition to its forward pass.</summary>
public sealed record AdapterTraining
{
    /// <summary>Receives the number of optimizer steps before the first one.</summary>
    public Action<int>? Begin { get; init; }

    /// <summary>The learning-rate factor of a weight, by its name.</summary>
    public Func<string, double>? RateFactor { get; init; }

    /// <summary>A scalar added to the mean loss.</summary>
    public Func<Tensor>? Penalty { get; init; }

    /// <summary>The optimizer step: step number, gradient scale, optimizer action; see <see cref="IAdapter.Step"/>.</summary>
    public Action<int, double, Action>? Step { get; init; }

    /// <summary>Tensors, besides the weights, that a checkpoint must contain for resuming.</summary>
    public IReadOnlyDictionary<string, Tensor> State { get; init; } = new Dictionary<string, Tensor>();
}

/// <summary>A saved form that is not the weights themselves.</summary>
/// <param name="Config">The configuration saved with the tensors.</param>
/// <param name="Tensors">The tensors by name; created in the caller's dispose scope.</param>
public sealed record SavedForm(Func<AdapterConfig> Config, Func<IEnumerable<(string Name, Tensor Tensor)>> Tensors);
