using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>A causal language model: its weights by their checkpoint names, and the way from token ids to logits.</summary>
/// <remarks>
/// Several threads may run passes of <see cref="PassMode.Evaluation"/> and <see cref="PassMode.Generation"/> on one model at
/// once, each with caches of its own: a pass keeps nothing in the model, and each result is what one thread alone gives.
/// Tensors belong to the dispose scope of the thread that made them. Training, switching an adapter, setting a property and
/// disposing are for one thread while no other uses the model.
/// </remarks>
public abstract class CausalModel : IDisposable
{
    private readonly ModelBuilder _builder;

    /// <summary>Takes over what the builder handed out.</summary>
    protected CausalModel(ModelBuilder builder, ModelShape shape) => (this._builder, Shape) = (builder, shape);

    /// <summary>Where it computes.</summary>
    public Compute Compute => _builder.Compute;

    /// <summary>The model's sizes.</summary>
    public ModelShape Shape { get; }

    /// <summary>Every plain weight by its checkpoint name; a tied head appears once, as the embedding.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => _builder.Parameters;

    /// <summary>Every linear layer by its checkpoint name (without <c>.weight</c>), in the order of the forward pass.</summary>
    public IReadOnlyDictionary<string, Linear> Linears => _builder.Linears;

    /// <summary>Whether a linear layer is quantized.</summary>
    public bool IsQuantized => Linears.Values.Any(layer => layer.IsQuantized);

    /// <summary>The form that its linear layers are quantized in, as a recipe names it: <c>none</c> where they are not.</summary>
    public string Quantization =>
        Linears.Values.Select(layer => layer.Quantization).FirstOrDefault(form => form is not null) ?? "none";

    /// <summary>How many weights the model has, plain or quantized.</summary>
    public long ParameterCount => Parameters.Values.Sum(p => p.numel())
        + Linears.Values.Where(layer => layer.IsQuantized).Sum(layer => layer.Outputs * layer.Inputs);

    /// <summary>The layer from hidden states to logits.</summary>
    public abstract Linear Head { get; }

    /// <summary>Every embedding table by its checkpoint name (without <c>.weight</c>), the tokens' own first.</summary>
    public IReadOnlyDictionary<string, Embedding> Embeddings => _builder.Embeddings;

    /// <summary>The tokens' own table.</summary>
    public Embedding WordEmbedding => _builder.Embeddings.Values.First();

    /// <summary>Vectors read before every sequence, or none.</summary>
    public SoftPrompt? SoftPrompt { get; set; }

    /// <summary>Keys and values before those of every sequence, or none.</summary>
    public KeyValuePrefix? KeyValuePrefix { get; set; }

    /// <summary>The virtual tokens before every sequence.</summary>
    public int VirtualTokens => SoftPrompt?.Count ?? KeyValuePrefix?.Count ?? 0;

    /// <summary>Where weights stand, by their names; a tied head has a place of its own.</summary>
    public IReadOnlyDictionary<string, ParameterSlot> Slots => _builder.Slots;

    /// <summary>The hidden states that the head reads, <c>[b, s, hidden]</c>.</summary>
    public Tensor Hidden(ModelInput input)
    {
        input = input.On(Compute.Device);
        if (VirtualTokens == 0) return Run(input, null);
        var prompt = SoftPrompt?.Vectors();
        if (input.Ragged is { } ragged) // the caches know of their virtual tokens
        {
            var all = Run(input, prompt);
            return ragged.Tokens == ragged.Own.Length ? all : all.index_select(1, Tensors.Of(ragged.Own, Compute.Device));
        }
        var hidden = Run(prompt is null ? BehindPrefix(input) : BehindPrompt(input), prompt);
        return prompt is null ? hidden : hidden.narrow(1, SoftPrompt!.Count, input.Ids.shape[1]).contiguous();
    }

    // One pass of the blocks, over virtual tokens too where they are among the ids.
    private Tensor Run(ModelInput input, Tensor? prompt)
    {
        using var scope = NewDisposeScope();
        var pass = input.Pass(scope, Compute, prompt, input.Mode == PassMode.Training ? EmbeddingNoise : 0);
        var x = Embed(input, pass); // [b, s, hidden]
        foreach (var block in Blocks)
            x = pass.Scoped(() => Recomputes ? Recomputation.Apply(block, x, pass) : block.Forward(x, pass));
        input.Ragged?.Advance();
        if (is_grad_enabled()) scope.MoveToOuter(pass.Tables); // the backward pass reads them
        return Norm.Forward(x, pass).MoveToOuterDisposeScope();
    }

    /// <summary>From token ids to hidden states, <c>[b, s] -> [b, s, hidden]</c>.</summary>
    protected abstract Tensor Embed(ModelInput input, ForwardPass pass);

    /// <summary>The blocks, in their order.</summary>
    public abstract IReadOnlyList<IBlock> Blocks { get; init; }

    /// <summary>The norm before the head.</summary>
    public abstract ILayer Norm { get; init; }

    private ModelInput BehindPrompt(ModelInput input)
    {
        var (rows, count) = (input.Ids.shape[0], SoftPrompt!.Count);
        return input with
        {
            Ids = cat([Range(1, count + 1, Compute.Device).neg().expand(rows, count), input.Ids], 1),
            Positions = input.Positions is { } given
                ? cat([Range(0, count, Compute.Device).expand(rows, count), given + Number(count)], 1) : null,
            Present = Extended(input.Present, count),
            HasVirtual = true,
        };
    }

    private ModelInput BehindPrefix(ModelInput input)
    {
        var (count, unplaced) = (KeyValuePrefix!.Count, KeyValuePrefix.TakesPositions ? 0 : KeyValuePrefix.Count);
        return input with
        {
            Positions = input.Positions is { } given ? given + Number(count - unplaced) : null,
            Present = Extended(input.Present, count),
            HasVirtual = true, Before = count, Unplaced = unplaced, Prefix = KeyValuePrefix.Layers(input.Mode),
        };
    }

    private static Tensor? Extended(Tensor? present, long count) => present is null ? null
        : cat([Tensors.Ones([present.shape[0], count], ScalarType.Bool, present.device), present], 1);

    /// <summary>
    /// Whether blocks keep only their input for the backward pass and are computed again: about a third slower, and memory for
    /// activations of one block instead of all.
    /// </summary>
    public bool Recomputes { get; set; }

    /// <summary>The noise on token vectors in training, <see cref="ForwardPass.Noise"/>; 0: none.</summary>
    public double EmbeddingNoise { get; set; }

    /// <summary>Whether no token looks at later ones, so that a beginning's cache serves any continuation.</summary>
    public virtual bool IsCausal => true;

    /// <summary>Up to this length of a sequence its rotary positions turn by angles that do not depend on the length.</summary>
    public long SteadyLength => _builder.Tables.OfType<Rope>().Select(r => r.SteadyLength).DefaultIfEmpty(long.MaxValue).Min();

    /// <summary>From hidden states to logits: <c>[.., hidden] -> [.., vocabulary]</c>, in memory of their own.</summary>
    /// <param name="hidden">From <see cref="Hidden"/>.</param>
    /// <param name="mode">What the pass is for.</param>
    public virtual Tensor Project(Tensor hidden, PassMode mode = PassMode.Evaluation) =>
        Head.Forward(hidden, new ForwardPass(Compute, mode));

    /// <summary>Logits of the next token at every place, <c>[b, s, vocabulary]</c>, fp32.</summary>
    public Tensor Logits(ModelInput input) => Project(Hidden(input), input.Mode);

    /// <summary>The log-probability (natural log) of some next tokens; only their logits are computed.</summary>
    /// <param name="input">The tokens read, and what for (<see cref="ModelInput.Mode"/>).</param>
    /// <param name="positions">Flat positions in <c>[b, s]</c> whose successor is predicted, <c>[n]</c>, int64.</param>
    /// <param name="targets">The successors, <c>[n]</c>, int64.</param>
    /// <returns><c>[n]</c>, fp64.</returns>
    public Tensor LogProbabilities(ModelInput input, Tensor positions, Tensor targets)
    {
        var hidden = Hidden(input);
        var chosen = hidden.view(-1, hidden.shape[2]).index_select(0, positions.to(Compute.Device)); // [n, hidden]
        var logits = Project(chosen, input.Mode);
        return KernelSet.For(logits).LogProbabilities(logits, targets.to(Compute.Device));
    }

    /// <summary>The negative sum of <see cref="LogProbabilities"/>, a scalar in fp32: the loss of supervised tuning.</summary>
    /// <inheritdoc cref="LogProbabilities"/>
    public Tensor NegativeLogLikelihood(ModelInput input, Tensor positions, Tensor targets) =>
        (-LogProbabilities(input, positions, targets).sum()).to(ScalarType.Float32);

    /// <summary>
    /// Rounds every plain matrix of the linear layers to blocks of 8 or 4 bits, as GGUF's Q8_0 and Q4_0, for answering with few
    /// bytes a token; with 4 bits the head keeps 8. The plain weights are freed, so the model can neither be trained in full nor
    /// saved afterwards.
    /// </summary>
    public void RoundWeights(int bits)
    {
        foreach (var (name, layer) in Linears)
        {
            if (layer.Matrix is not DenseMatrix dense) continue;
            layer.Matrix = BlockMatrix.Quantize(dense.Weight, layer == Head ? 8 : bits);
            if (_builder.Parameters.Remove(name + ".weight", out var plain)) plain.Dispose(); // a tied head's is the embedding's
        }
    }

    /// <summary>A cache for one sequence, empty but for virtual tokens.</summary>
    public KeyValueCache NewCache()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new(Compute, Shape.Layers, Shape.KeyValueHeads, Shape.HeadDimension, KeyValuePrefix?.Layers(PassMode.Generation),
            SoftPrompt?.Count ?? 0)
        {
            UnpositionedTokens = KeyValuePrefix is { TakesPositions: false } ? KeyValuePrefix.Count : 0, Version = Version,
        };
    }

    /// <summary>Grows whenever an adapter is switched: what was cached before is another model's.</summary>
    internal int Version { get; set; }

    /// <summary>Frees the weights and tables.</summary>
    public void Dispose()
    {
        foreach (var weight in _builder.Parameters.Values) weight.Dispose();
        foreach (var layer in _builder.Linears.Values) layer.Matrix.Dispose();
        foreach (var table in _builder.Tables) table.Dispose();
        GC.SuppressFinalize(this);
    }
}
