using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Estimates;

/// <summary>The seconds of one micro-batch by what they are spent on.</summary>
/// <param name="Products">Products with the matrices of the blocks.</param>
/// <param name="Head">Products with the head.</param>
/// <param name="Attention">Attention.</param>
/// <param name="LowRank">The adapter's own products.</param>
/// <param name="Memory">Norms, units and additions, which are bound by memory.</param>
/// <param name="Layers">What each layer costs besides.</param>
internal sealed record StepTime(double Products, double Head, double Attention, double LowRank, double Memory, double Layers)
{
    /// <summary>The sum.</summary>
    public double Seconds => Products + Head + Attention + LowRank + Memory + Layers;
}

/// <summary>What a pass keeps and computes for each token, counted from the shapes of a model and its adapter.</summary>
internal sealed record StepWork
{
    private const int Float = 4; // bytes

    /// <summary>The constants that measurements give: <c>bench -- plan</c> prints what they should be.</summary>
    private static class Fitted
    {
        /// <summary>Resident activations over the bytes of their tensors.</summary>
        public const double Memory = 1.06;

        /// <summary>What a recomputed block keeps at once, over what it keeps in the forward pass.</summary>
        public const double Recomputed = 1.75;

        /// <summary>The gradients of a block while it is worked on, over its widest activations.</summary>
        public const double Transient = 1.5;

        /// <summary>The time of a product within a step over that of the product alone, whose matrix is in the caches.</summary>
        public const double Product = 1.2;

        /// <summary>Seconds for each number that dropout draws.</summary>
        public const double Drawn = 1e-8;

        /// <summary>Bytes moved for each trained weight and micro-batch, to add up its gradient.</summary>
        public const double Added = 12;

        /// <summary>The rate of attention and of low-rank products over that of large fp32 products.</summary>
        public const double Attention = 0.3, LowRank = 0.2;

        /// <summary>Passes over memory for each byte of activations: norms, units, additions, gradients.</summary>
        public const double Passes = 8;

        /// <summary>Seconds that each layer of a micro-batch takes besides.</summary>
        public const double Layer = 1e-4;
    }

    /// <summary>Constants of computing on a GPU; they are counted, not fitted: nothing was measured there yet.</summary>
    private static class OnGpu
    {
        /// <summary>What libtorch's operations keep over the plain sum: fp32 inputs of norms, outputs of activation
        /// functions.</summary>
        public const double Kept = 1.3;

        /// <summary>Bytes for each logit of a part: itself, its gradient, and what softmax makes.</summary>
        public const int Logit = 3 * Float;

        /// <summary>The bytes of the parts in which codes are expanded: indices, values and products of scales.</summary>
        public const long Expanding = 12L << 23;
    }

    private readonly List<(WeightForm Form, long Weights, bool Learns)> _layers = [];
    private (WeightForm Form, long Weights, bool Learns, int Count)[] _matrices = [];
    private double _kept, _block, _width, _dropped, _added;
    private int _learning;

    public required ModelShape Shape { get; init; }

    public required TrainingOptions Options { get; init; }

    /// <summary>The type of activations on a GPU; null: on the CPU.</summary>
    public ActivationType? Gpu { get; private init; }

    /// <summary>Whether sequences are laid end to end.</summary>
    public required bool Packs { get; init; }

    /// <summary>Whether the base weights are trained.</summary>
    public required bool Full { get; init; }

    /// <summary>The weights of the head and their form.</summary>
    public required (WeightForm Form, long Weights) Head { get; init; }

    /// <summary>The bytes that products keep beside the weights or expand them into.</summary>
    public long Buffers { get; private set; }

    /// <summary>The bytes of matrices in mapped files that are not in memory between products.</summary>
    public long OutOfMemory { get; private set; }

    /// <summary>Whether the head has a matrix of its own, not the embedding's.</summary>
    public required bool OwnHead { get; init; }

    /// <summary>The trained weights of an adapter.</summary>
    public required long Adapter { get; init; }

    /// <summary>The frozen matrices of all blocks: form and weights.</summary>
    public IReadOnlyList<(WeightForm Form, long Weights)> Matrices => [.. _layers.Select(m => (m.Form, m.Weights))];

    /// <summary>Counts a model of shapes, with its adapter attached.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options of the run.</param>
    /// <param name="adapter">The trained weights of the adapter; null: the base weights are trained.</param>
    /// <param name="dropout">Whether adapters drop some of their inputs.</param>
    /// <param name="formOf">The form of a linear layer's weight.</param>
    /// <param name="active">The share of experts that a token uses.</param>
    /// <param name="gpu">The type of activations on a GPU; null: on the CPU.</param>
    public static StepWork Of(CausalModel model, TrainingOptions options, long? adapter, bool dropout,
        Func<Linear, WeightForm> formOf, double active, ActivationType? gpu = null)
    {
        var work = new StepWork
        {
            Shape = model.Shape, Options = options, Packs = options.Packing && model.AllowsPacking, Full = adapter is null,
            Head = (adapter is null ? WeightForm.Float32 : formOf(model.Head), model.Head.Outputs * model.Head.Inputs),
            OwnHead = model.Parameters.ContainsKey(model.Head.Name + ".weight"), Adapter = adapter ?? 0, Gpu = gpu,
        };
        var blocks = model.Linears.Values.Where(l => l != model.Head).GroupBy(l => Targets.Block(l.Name) ?? -1)
            .OrderBy(block => block.Key).ToList();
        // Blocks before the first trained layer keep nothing and have no backward pass. Vectors before the tokens and trained
        // norms have no layer of their own: all blocks learn.
        var learns = work.Full || model.VirtualTokens > 0 || model.WordEmbedding.Adapter is not null
            || model.Linears.Values.All(l => l.Adapter is null);
        foreach (var block in blocks)
        {
            learns |= block.Any(l => l.Adapter is not null);
            work.Add(block, learns, dropout, formOf, active);
        }
        work._matrices = [.. work._layers.GroupBy(l => l).Select(g => (g.Key.Form, g.Key.Weights, g.Key.Learns, g.Count()))];
        work._added = work.Full ? model.Parameters.Values.Sum(p => (double)p.numel()) : work.Adapter;
        if (gpu is null) work.CountBuffers();
        else work.CountGpuBuffers(gpu.Value);
        return work;
    }

    /// <summary>Whether two works are of the same sizes.</summary>
    public bool Equals(StepWork? other) => other is not null && Shape == other.Shape && Options == other.Options
        && Head == other.Head
        && (Gpu, Packs, Full, Adapter, Buffers, OutOfMemory, _kept, _block, _width) == (other.Gpu, other.Packs, other.Full,
            other.Adapter, other.Buffers, other.OutOfMemory, other._kept, other._block, other._width)
        && _layers.SequenceEqual(other._layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Shape, Head, Adapter, Buffers, _kept);

    /// <summary>The peak of activations, logits and gradients of one micro-batch, in bytes.</summary>
    public double Activations(MicroBatchLoad load)
    {
        var tokens = load.Computed(Packs);
        if (Gpu is { } type) return GpuActivations(load, tokens, Bytes(type));
        var logits = load.Supervised * Shape.Vocabulary;
        var transient = tokens * Fitted.Transient * _width;
        var floats = Options.GradientCheckpointing
            ? tokens * _learning * Shape.Hidden + Math.Max(logits, tokens * Fitted.Recomputed * _block + transient)
            : tokens * _kept + Math.Max(logits, transient);
        return Fitted.Memory * Float * floats;
    }

    // Log-probabilities are computed in parts, so that logits do not grow with the batch; the last hidden states are fp32.
    private double GpuActivations(MicroBatchLoad load, double tokens, int bytes)
    {
        var logits = (double)OnGpu.Logit * Math.Min(load.Supervised * (double)Shape.Vocabulary,
            Full ? double.MaxValue : CausalModel.MostLogits);
        var transient = bytes * tokens * Fitted.Transient * _width;
        var last = 2.0 * Float * tokens * Shape.Hidden;
        var kept = OnGpu.Kept * bytes;
        return Fitted.Memory * (last + (Options.GradientCheckpointing
            ? bytes * tokens * _learning * Shape.Hidden + Math.Max(logits, kept * tokens * Fitted.Recomputed * _block + transient)
            : kept * tokens * _kept + Math.Max(logits, transient)));
    }

    private static int Bytes(ActivationType type) => type == ActivationType.BFloat16 ? 2 : Float;

    /// <summary>The time of one micro-batch, forward and backward.</summary>
    public StepTime Time(MicroBatchLoad load, MachineCalibration machine, Arithmetic arithmetic, bool backward = true)
    {
        var tokens = load.Computed(Packs);
        var exact = machine.Rate(WeightForm.Float32, Arithmetic.Float32);
        var again = backward && Options.GradientCheckpointing;
        var products = 0.0;
        foreach (var (form, weights, learns, count) in _matrices)
        {
            var forward = machine.Seconds(form, arithmetic, weights, tokens, false);
            products += count * (forward * (again && learns ? 2 : 1)
                + (backward && learns ? machine.Seconds(form, arithmetic, weights, tokens, true) : 0)
                + (backward && Full ? forward : 0)); // the product of the weight's gradient
        }
        // With int8 the head multiplies two codes of each input.
        var (headArithmetic, codes) = arithmetic == Arithmetic.Int8 && !Full ? (Arithmetic.Int8, 2) : (Arithmetic.Float32, 1);
        var head = codes * machine.Seconds(Head.Form, headArithmetic, Head.Weights, load.Supervised, false)
            + (backward ? codes * machine.Seconds(Head.Form, headArithmetic, Head.Weights, load.Supervised,
                true) * (Full ? 2 : 1) : 0);
        var attention = (backward ? again ? 16.0 : 12 : 4) * Shape.Layers * Shape.Hidden
            * (Packs ? load.Pairs : load.Rows * load.Longest * (load.Longest + 1) / 2);
        return new(Fitted.Product * products, Fitted.Product * head, attention / (exact * Fitted.Attention),
            (backward ? again ? 8.0 : 6 : 2) * tokens * Adapter / (exact * Fitted.LowRank),
            (backward ? again ? 4.0 / 3 : 1 : 0.25) * Fitted.Passes * Float * tokens * _kept / machine.CopyRate
                + (backward ? Fitted.Drawn * (again ? 2 : 1) * tokens * _dropped + Fitted.Added * _added / machine.CopyRate : 0),
            Shape.Layers * Fitted.Layer * (backward ? 2 : 1));
    }

    // Kept for the backward pass: both inputs of the residual stream's norms, what attention and units read, and the inputs of
    // adapted layers.
    private void Add(IEnumerable<Linear> block, bool learns, bool dropout, Func<Linear, WeightForm> formOf, double active)
    {
        var kept = 2.0 * Shape.Hidden;
        var (inner, inputKept, attention) = (0.0, false, true);
        foreach (var layer in block)
        {
            var share = layer.Name.Contains(".experts.", StringComparison.Ordinal) ? active : 1;
            var adapted = Full || layer.Adapter is not null;
            if (adapted && dropout && !Full)
            {
                kept += 2 * share * layer.Inputs; // the mask and the product with it
                _dropped += share * layer.Inputs;
            }
            _layers.Add((Full ? WeightForm.Float32 : formOf(layer), (long)(share * layer.Outputs * layer.Inputs), learns));
            if (!FamilyTargets.IsSublayerOutput(layer.Name))
            {
                if (adapted && !dropout && !inputKept) (kept, inputKept) = (kept + Shape.Hidden, true); // the norm's output
                inner += share * layer.Outputs;
                continue;
            }
            kept += inner + (attention ? layer.Inputs : 0) + (adapted && !dropout ? share * layer.Inputs : 0);
            _width = Math.Max(_width, inner + Shape.Hidden);
            (inner, inputKept, attention) = (0, false, false);
        }
        kept += inner;
        if (!learns) return;
        _learning++;
        _kept += kept;
        _block = Math.Max(_block, kept);
    }

    // The largest matrix in the type of the activations, with the parts of its expansion, or a part of the head in fp32.
    private void CountGpuBuffers(ActivationType type)
    {
        long Expanded((WeightForm Form, long Weights, bool) matrix) => matrix.Form switch
        {
            WeightForm.FourBit or WeightForm.Int8 => matrix.Weights * Bytes(type) + OnGpu.Expanding,
            WeightForm.Half => type == ActivationType.BFloat16 ? 0 : matrix.Weights * Float,
            _ => type == ActivationType.BFloat16 ? matrix.Weights * Bytes(type) : 0,
        };
        Buffers = Math.Max(_layers.Max(Expanded), Float * Math.Min(Head.Weights, 1 << 25));
        if (Full) Buffers += (Float + Bytes(type)) * Math.Max(Head.Weights, _layers.Max(m => m.Weights)); // a gradient
    }

    private void CountBuffers()
    {
        var arithmetic = Full ? Arithmetic.Float32 : Options.Arithmetic ?? Arithmetic.Int8;
        var bytesEach = arithmetic switch { Arithmetic.Int8 => 1, Arithmetic.BFloat16 => 2, _ => 0 };
        // Codes kept beside plain matrices, and the largest matrix that is expanded for a product.
        var head = (Head.Form, Head.Weights, false);
        var kept = arithmetic == Arithmetic.Int8 ? _layers.Append(head) : _layers;
        var expanded = arithmetic == Arithmetic.Int8 ? [] : _layers.Append(head).Where(m => m.Form != WeightForm.Float32);
        Buffers = kept.Where(m => m.Form is WeightForm.Float32 or WeightForm.Half).Sum(m => m.Weights * bytesEach)
            + Float * expanded.Select(m => Math.Min(m.Weights, 1 << 25)).DefaultIfEmpty(0).Max();
        if (!Full) OutOfMemory = BytesOutOfMemory(arithmetic, OwnHead ? [.. _layers, head] : _layers);
        if (Full) Buffers += Float * Math.Max(Head.Weights, _layers.Max(m => m.Weights)); // a gradient before it is added
    }
    // Where codes are kept, the matrix itself is not read again; with checkpointing each matrix leaves memory after its product.
    private long BytesOutOfMemory(Arithmetic arithmetic, IReadOnlyList<(WeightForm Form, long Weights, bool)> matrices)
    {
        var plain = matrices.Where(m => m.Form is WeightForm.Float32 or WeightForm.Half).ToList();
        if (arithmetic == Arithmetic.Int8) return plain.Sum(Bytes);
        var read = arithmetic == Arithmetic.BFloat16 ? plain.Where(m => m.Form == WeightForm.Half).ToList() : plain;
        var largest = read.Select(Bytes).DefaultIfEmpty(0).Max();
        return plain.Sum(Bytes) - (Options.GradientCheckpointing ? largest : read.Sum(Bytes));

        long Bytes((WeightForm Form, long Weights, bool) m) => m.Weights * (m.Form == WeightForm.Half ? 2 : Float);
    }
}
