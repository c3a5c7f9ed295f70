using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// What a method puts into a model: pieces on layers, weights of its own in the model's places, virtual tokens. A method says it
/// once, here; switching on and off, saving, restoring and freeing follow.
/// </summary>
public sealed class AdapterBuilder
{
    private readonly List<(Action On, Action Off)> _hooks = [];
    private readonly Dictionary<string, Tensor> _trained = [], _constant = [];
    private readonly List<Tensor> _owned = [];
    private readonly List<WeightMatrix> _matrices = [];

    internal AdapterBuilder(CausalModel model, AdapterWeights weights) => (Model, Weights) = (model, weights);

    /// <summary>The model.</summary>
    public CausalModel Model { get; }

    /// <summary>Where weights come from.</summary>
    public AdapterWeights Weights { get; }

    /// <summary>Weights that are trained, by the names they are saved under.</summary>
    public IReadOnlyDictionary<string, Tensor> Trained => _trained;

    /// <summary>Weights that are saved but not trained.</summary>
    public IReadOnlyDictionary<string, Tensor> Constant => _constant;

    /// <summary>What else the method does beside its forward pass.</summary>
    public AdapterTraining Training { get; set; } = new();

    /// <summary>The configuration to save, where it is not the one given.</summary>
    public AdapterConfig? SavedConfig { get; private set; }

    /// <summary>Saves the weights with another configuration than the one given.</summary>
    public void SaveAs(AdapterConfig config) => SavedConfig = config;

    /// <summary>How the method is saved where its file holds something else than its weights.</summary>
    public SavedForm? Saved { get; set; }

    internal IReadOnlyList<(Action On, Action Off)> Hooks => _hooks;

    /// <summary>Frees every tensor.</summary>
    internal void Dispose()
    {
        foreach (var tensor in _trained.Values.Concat(_constant.Values).Concat(_owned).Concat(Training.State.Values))
            tensor.Dispose();
        foreach (var matrix in _matrices) matrix.Dispose();
    }

    /// <summary>A weight to be trained; see <see cref="AdapterWeights.Take"/>.</summary>
    public Tensor Train(string name, ReadOnlySpan<long> shape, Func<Tensor> start, string? alias = null)
    {
        var weight = Taken(Weights.Take(name, shape, start, alias));
        weight.requires_grad = true;
        _trained.Add(name, weight);
        return weight;
    }

    /// <summary>Zeros in fp32, for the start of a weight.</summary>
    public Tensor Zeros(params ReadOnlySpan<long> shape) =>
        Tensors.Zeros(shape, ScalarType.Float32, Model.Compute.Device);

    // What is read or drawn is so on the CPU, and computes where the model does.
    private Tensor Taken(Tensor weight) =>
        Model.Compute.IsCpu ? weight : Tensors.On(weight, Model.Compute.Device).DetachFromDisposeScope();

    /// <summary>A weight that is saved but not trained.</summary>
    public Tensor AddConstant(string name, ReadOnlySpan<long> shape, Func<Tensor> start)
    {
        var weight = Taken(Weights.Take(name, shape, start));
        _constant.Add(name, weight);
        return weight;
    }

    /// <summary>Takes over a tensor that is neither trained nor saved.</summary>
    public Tensor Own(Tensor tensor)
    {
        _owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    /// <summary>A piece on a linear layer.</summary>
    public void Adapt(Linear layer, ILinearAdapter piece) => _hooks.Add((() => layer.Adapter = piece, () => layer.Adapter = null));

    /// <summary>Another matrix in a linear layer, from now on this object's.</summary>
    internal void Put(Linear layer, WeightMatrix matrix)
    {
        _matrices.Add(matrix);
        var before = layer.Matrix;
        _hooks.Add((() => layer.Matrix = matrix, () => layer.Matrix = before));
    }

    /// <summary>A piece on an embedding.</summary>
    public void Adapt(Embedding layer, IEmbeddingAdapter piece) =>
        _hooks.Add((() => layer.Adapter = piece, () => layer.Adapter = null));

    /// <summary>Vectors before every sequence.</summary>
    public void Prepend(SoftPrompt prompt) => _hooks.Add((() => Model.SoftPrompt = prompt, () => Model.SoftPrompt = null));

    /// <summary>Keys and values before those of every sequence.</summary>
    public void Prepend(KeyValuePrefix prefix) => _hooks.Add((() => Model.KeyValuePrefix = prefix, () => Model.KeyValuePrefix = null));

    /// <summary>Trains a copy of one of the model's own weights in its place.</summary>
    /// <param name="place">The weight's name in the model.</param>
    /// <param name="name">The name it is saved under.</param>
    public void TrainInPlace(string place, string? name = null) => Replace(place, own => Train(name ?? place, own.shape, own.alias));

    /// <summary>Puts another weight where one of the model's stands.</summary>
    internal void Replace(string place, Func<Tensor, Tensor> make)
    {
        var at = Model.Slots[place];
        var own = make(at.Get());
        Action back = () => { };
        _hooks.Add((() => back = at.Put(own), () => back()));
    }
}

/// <summary>What a method does in training beside its forward pass.</summary>
public sealed record AdapterTraining
{
    /// <summary>Told the number of steps before the first.</summary>
    public Action<int>? Begin { get; init; }

    /// <summary>The factor on the learning rate of a weight, by its name.</summary>
    public Func<string, double>? RateFactor { get; init; }

    /// <summary>What is added to the mean loss.</summary>
    public Func<Tensor>? Penalty { get; init; }

    /// <summary>Step, scale of the gradients, and the optimizer's work; see <see cref="IAdapter.Step"/>.</summary>
    public Action<int, double, Action>? Step { get; init; }

    /// <summary>Tensors beside the weights that a run is continued from.</summary>
    public IReadOnlyDictionary<string, Tensor> State { get; init; } = new Dictionary<string, Tensor>();
}

/// <summary>A saved form that is not the weights themselves.</summary>
/// <param name="Config">The configuration that goes with it.</param>
/// <param name="Tensors">The tensors; made in the caller's scope.</param>
public sealed record SavedForm(Func<AdapterConfig> Config, Func<IEnumerable<(string Name, Tensor Tensor)>> Tensors);
