using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>A causal language model: its weights by checkpoint name, and the forward pass from token ids to logits.</summary>
/// <remarks>
/// Several threads may run <see cref="PassMode.Evaluation"/> and <see cref="PassMode.Generation"/> passes on one model at the
/// same time, each with its own caches: a pass stores nothing in the model, and its result does not depend on other threads.
/// Tensors belong to the dispose scope of the thread that created them. Training, switching an adapter, setting a property and
/// disposing require that no other thread uses the model.
/// </remarks>
public abstract class CausalModel : IDisposable
{
    /// <summary>The logits that are computed at a time where log-probabilities are wanted on another device than the CPU: 256 MB
    /// in fp32.</summary>
    public const long MostLogits = 1L << 26;

    private readonly ModelBuilder _builder;
    private Arithmetic _arithmetic;

    /// <summary>Takes ownership of the layers and weights that the builder created.</summary>
    protected CausalModel(ModelBuilder builder, ModelShape shape) => (this._builder, Shape) = (builder, shape);

    /// <summary>The device and numeric type of the computation.</summary>
    public Compute Compute => _builder.Compute;

    /// <summary>The model's sizes.</summary>
    public ModelShape Shape { get; }

    /// <summary>Every weight that is not quantized, by its checkpoint name; a tied head appears once, as the embedding.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => _builder.Parameters;

    /// <summary>Every linear layer by its checkpoint name (without <c>.weight</c>), in the order of the forward pass.</summary>
    public IReadOnlyDictionary<string, Linear> Linears => _builder.Linears;

    /// <summary>Whether at least one linear layer is quantized.</summary>
    public bool IsQuantized => Linears.Values.Any(layer => layer.IsQuantized);

    /// <summary>The quantization type of the linear layers, as named in recipes; <c>none</c> if they are not quantized.</summary>
    public string Quantization =>
        Linears.Values.Select(layer => layer.Quantization).FirstOrDefault(form => form is not null) ?? "none";

    /// <summary>The number of weights, quantized ones included.</summary>
    public long ParameterCount => Parameters.Values.Sum(p => p.numel())
        + Linears.Values.Where(layer => layer.IsQuantized).Sum(layer => layer.Outputs * layer.Inputs);

    /// <summary>The decision whether the head is the embedding, as loaded.</summary>
    internal HeadTie Tie => _builder.Tie;

    /// <summary>
    /// Whether the head is the embedding now: it was loaded so, and no adapter changes or replaces one of the two.
    /// </summary>
    public bool IsHeadTied => Tie.IsTied && Head.Adapter is null && WordEmbedding.Adapter is null
        && Head.Matrix is DenseMatrix own && own.Weight.Handle == WordEmbedding.Weight.Handle;

    /// <summary>What a user should know about how the checkpoint was read.</summary>
    public IReadOnlyList<string> Notes { get; internal set; } = [];

    /// <summary>The output head: hidden states to logits.</summary>
    public abstract Linear Head { get; }

    /// <summary>Every embedding table by its checkpoint name (without <c>.weight</c>); the token embedding is first.</summary>
    public IReadOnlyDictionary<string, Embedding> Embeddings => _builder.Embeddings;

    /// <summary>The token embedding.</summary>
    public Embedding WordEmbedding => _builder.Embeddings.Values.First();

    /// <summary>Trained vectors that precede every sequence, or null.</summary>
    public SoftPrompt? SoftPrompt { get; set; }

    /// <summary>Trained keys and values that precede those of every sequence, or null.</summary>
    public KeyValuePrefix? KeyValuePrefix { get; set; }

    /// <summary>The number of virtual tokens that precede every sequence.</summary>
    public int VirtualTokens => SoftPrompt?.Count ?? KeyValuePrefix?.Count ?? 0;

    /// <summary>The number of virtual tokens that take positions.</summary>
    public int PositionedVirtualTokens => SoftPrompt?.Count
        ?? (KeyValuePrefix is { TakesPositions: true } prefix ? prefix.Count : 0);

    /// <summary>The longest sequence of prompt and answer, without virtual tokens.</summary>
    public int LongestSequence => Shape.MaxPositions - (Shape.HasPositionTable ? PositionedVirtualTokens : 0);

    /// <summary>The longest sequence that the scaling of rotary positions is made for, in tokens; 0 without a scaling.</summary>
    public long ScaledLength => _builder.Tables.OfType<Rope>().Select(rope => rope.ScaledLength).DefaultIfEmpty(0).Max();

    /// <summary>Replaceable slots of the weights by name; a tied head has its own slot.</summary>
    public IReadOnlyDictionary<string, ParameterSlot> Slots => _builder.Slots;

    /// <summary>The hidden states after the last norm, <c>[b, s, hidden]</c>, fp32, without those of virtual tokens.</summary>
    /// <exception cref="Text.InputException">A token has no embedding, or the sequence is longer than a table of
    /// positions.</exception>
    public Tensor Hidden(ModelInput input)
    {
        if (input.Lengths is not null && !AllowsPacking)
            throw new InvalidOperationException($"{Shape.Family} cannot process sequences laid end to end.");
        RequireEmbeddings(input.Ids);
        input = input.On(Compute.Device);
        if (VirtualTokens == 0) return Run(input, null);
        var prompt = SoftPrompt?.Vectors();
        if (input.Varlen is { } varlen) // the caches add the virtual tokens themselves
        {
            var all = Run(input, prompt);
            return varlen.Tokens == varlen.Own.Length ? all : all.index_select(1, Tensors.Of(varlen.Own, Compute.Device));
        }
        if (prompt is not null && input.Lengths is { } lengths)
        {
            var (extended, own) = BehindPrompts(input, lengths);
            return Run(extended, prompt).index_select(1, own);
        }
        var hidden = Run(prompt is null ? BehindPrefix(input) : BehindPrompt(input), prompt);
        return prompt is null ? hidden : hidden.narrow(1, SoftPrompt!.Count, input.Ids.shape[1]).contiguous();
    }

    // Ids are made on the CPU, where this costs nothing beside the pass.
    private void RequireEmbeddings(Tensor ids)
    {
        if (ids.device_type != TorchSharp.DeviceType.CPU || ids.numel() == 0) return;
        using var largest = ids.max();
        if (largest.item<long>() is var id && id >= Shape.Vocabulary)
            throw new Text.InputException($"The token {id} has no embedding: the model has {Shape.Vocabulary}. Remove the "
                + "token from the text or the template, or add a row for it: alpaca-cot extend.");
    }

    // Runs the blocks on all tokens, virtual ones among the ids included.
    private Tensor Run(ModelInput input, Tensor? prompt)
    {
        using var scope = NewDisposeScope();
        PositionLimit.Require(Shape, input.Varlen is { } batch
            ? batch.End - (VirtualTokens - PositionedVirtualTokens) : input.Before - input.Unplaced
                + (input.Lengths?.Max() ?? input.Ids.shape[1]));
        var pass = input.Pass(scope, Compute, prompt, input.Mode == PassMode.Training ? EmbeddingNoise : 0);
        var x = Tensors.As(Embed(input, pass), Compute.Activations); // [b, s, hidden]
        foreach (var block in Blocks)
            x = pass.Scoped(() => Recomputes ? Recomputation.Apply(block, x, pass) : block.Forward(x, pass));
        input.Varlen?.Advance();
        if (is_grad_enabled()) scope.MoveToOuter(pass.Tables); // needed by the backward pass
        return Norm.Forward(Tensors.As(x, ScalarType.Float32), pass).MoveToOuterDisposeScope();
    }

    /// <summary>Embeds token ids: <c>[b, s] -> [b, s, hidden]</c>.</summary>
    protected abstract Tensor Embed(ModelInput input, ForwardPass pass);

    /// <summary>The decoder blocks, in order.</summary>
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

    // The virtual tokens before each packed sequence, and the indices of the other tokens, [n].
    private (ModelInput Input, Tensor Own) BehindPrompts(ModelInput input, IReadOnlyList<long> lengths)
    {
        var (count, device) = (SoftPrompt!.Count, Compute.Device);
        var virtualIds = Range(1, count + 1, device).neg().unsqueeze(0);
        long[] extended = [.. lengths.Select(length => count + length)];
        var (own, at) = (new List<long>(), 0L);
        foreach (var length in lengths)
        {
            for (var t = 0L; t < length; t++) own.Add(at + count + t);
            at += count + length;
        }
        return (input with
        {
            Ids = cat([.. input.Ids.split([.. lengths], 1).SelectMany(ids => new[] { virtualIds, ids })], 1),
            Positions = ModelInput.Restarting(extended, device), Lengths = extended, HasVirtual = true,
        }, Tensors.Of([.. own], device));
    }

    private ModelInput BehindPrefix(ModelInput input)
    {
        var (count, unpositioned) = (KeyValuePrefix!.Count, KeyValuePrefix.TakesPositions ? 0 : KeyValuePrefix.Count);
        return input with
        {
            Positions = input.Positions is { } given ? given + Number(count - unpositioned) : null,
            Present = Extended(input.Present, count),
            HasVirtual = true, Before = count, Unplaced = unpositioned, Prefix = KeyValuePrefix.Layers(input.Mode),
        };
    }

    private static Tensor? Extended(Tensor? present, long count) => present is null ? null
        : cat([Tensors.Ones([present.shape[0], count], ScalarType.Bool, present.device), present], 1);

    /// <summary>
    /// Gradient checkpointing: blocks keep only their input for the backward pass and are recomputed there. Training takes about
    /// a third longer, and activation memory is that of one block instead of all.
    /// </summary>
    public bool Recomputes { get; set; }

    /// <summary>
    /// The arithmetic of products with frozen matrices in training and evaluation. The errors of the head reach every
    /// log-probability directly: it computes in fp32, and with <see cref="Arithmetic.Int8"/> in 16-bit inputs and 8-bit weights.
    /// </summary>
    public Arithmetic Arithmetic
    {
        get => _arithmetic;
        set
        {
            _arithmetic = value;
            Head.IsHead = true;
            foreach (var layer in Linears.Values) layer.Arithmetic = value;
            ExpansionBuffer.Release(); // matrices were expanded to make their codes
            TensorArena.Release();
        }
    }

    /// <summary>
    /// Whether frozen weights in mapped files leave this process's memory after each product, so that a step needs the memory of
    /// one matrix at a time. The system's cache keeps them while it has memory.
    /// </summary>
    public bool StreamsWeights
    {
        get => Head.Streams;
        set
        {
            foreach (var layer in Linears.Values) layer.Streams = value;
        }
    }

    /// <summary>The noise on token embeddings in training, see <see cref="ForwardPass.Noise"/>; 0: none.</summary>
    public double EmbeddingNoise { get; set; }

    /// <summary>Whether no token attends to later ones, so that a cached prefix is valid for any continuation.</summary>
    public virtual bool IsCausal => true;

    /// <summary>Whether sequences may be laid end to end in one row, see <see cref="ModelInput.Packed"/>.</summary>
    public bool AllowsPacking => IsCausal;

    /// <summary>The longest sequence whose rotary angles do not depend on its length, in tokens.</summary>
    public long SteadyLength => _builder.Tables.OfType<Rope>().Select(r => r.SteadyLength).DefaultIfEmpty(long.MaxValue).Min();

    /// <summary>Computes logits: <c>[.., hidden] -> [.., vocabulary]</c>, in newly allocated memory.</summary>
    /// <param name="hidden">Hidden states from <see cref="Hidden"/>.</param>
    /// <param name="mode">The purpose of the pass, which selects the arithmetic.</param>
    public virtual Tensor Project(Tensor hidden, PassMode mode = PassMode.Evaluation) =>
        Head.Forward(hidden, new ForwardPass(Compute, mode));

    /// <summary>Logits of the next token at every position, <c>[b, s, vocabulary]</c>, fp32.</summary>
    public Tensor Logits(ModelInput input) => Project(Hidden(input), input.Mode);

    /// <summary>
    /// Log-probabilities (natural logarithm) of selected next tokens; only the logits of their positions are computed.
    /// </summary>
    /// <param name="input">The input tokens and the purpose of the pass (<see cref="ModelInput.Mode"/>).</param>
    /// <param name="positions">Flat indices into <c>[b, s]</c> whose next token is scored, <c>[n]</c>, int64.</param>
    /// <param name="targets">The next tokens, <c>[n]</c>, int64.</param>
    /// <returns><c>[n]</c>, fp64.</returns>
    public Tensor LogProbabilities(ModelInput input, Tensor positions, Tensor targets)
    {
        var hidden = Hidden(input);
        var chosen = hidden.view(-1, hidden.shape[2]).index_select(0, positions.to(Compute.Device)); // [n, hidden]
        targets = targets.to(Compute.Device);
        if (!Compute.UsesSimd(chosen) && chosen.shape[0] * Shape.Vocabulary > LogitsAtOnce
            && (!is_grad_enabled() || Head is { Adapter: null, Matrix: not DenseMatrix { IsTrained: true } }))
            return LogProbabilityParts.Of(this, chosen, targets, input.Mode, Math.Max(1, LogitsAtOnce / Shape.Vocabulary));
        return LogProbabilitiesAtOnce(chosen, targets, input.Mode);
    }

    /// <summary>As <see cref="LogProbabilities"/>, from hidden states <c>[n, hidden]</c>, with the logits of all.</summary>
    internal Tensor LogProbabilitiesAtOnce(Tensor hidden, Tensor targets, PassMode mode)
    {
        var logits = Project(hidden, mode);
        return KernelSet.For(logits).LogProbabilities(logits, targets);
    }

    /// <summary>
    /// Rounds the unquantized matrices of all linear layers to blocks of 8 or 4 bits, like GGUF's Q8_0 and Q4_0, to read fewer
    /// bytes per generated token; with 4 bits the head keeps 8. The original weights are freed, so the model can no longer be
    /// fully trained or saved.
    /// </summary>
    public void RoundWeights(int bits)
    {
        foreach (var (name, layer) in Linears)
        {
            if (layer.Matrix is not DenseMatrix dense) continue;
            layer.Matrix = BlockMatrix.Quantize(dense.Weight, layer == Head ? 8 : bits);
            // A tied head has no parameter of its own: the embedding keeps the weight.
            if (_builder.Parameters.Remove(name + ".weight", out var plain)) plain.Dispose();
        }
    }

    /// <summary><see cref="MostLogits"/>; fewer in tests.</summary>
    internal static long LogitsAtOnce { get; set; } = MostLogits;

    /// <summary>Creates a cache for one sequence, which contains the virtual tokens only.</summary>
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

    /// <summary>Incremented whenever an adapter is switched, which invalidates existing caches.</summary>
    internal int Version { get; set; }

    /// <summary>Frees the weights and tables.</summary>
    public void Dispose()
    {
        foreach (var weight in _builder.Parameters.Values) weight.Dispose();
        foreach (var layer in _builder.Linears.Values) layer.Dispose();
        foreach (var table in _builder.Tables) table.Dispose();
        GC.SuppressFinalize(this);
    }
}
