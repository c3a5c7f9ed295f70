using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>The matrix W of a linear layer, <c>[outputs, inputs]</c>, in its storage format.</summary>
/// <param name="outputs">The number of rows.</param>
/// <param name="inputs">The number of columns.</param>
public abstract class WeightMatrix(long outputs, long inputs) : IDisposable
{
    /// <summary>The number of rows.</summary>
    public long Outputs => outputs;

    /// <summary>The number of columns.</summary>
    public long Inputs => inputs;

    /// <summary>The size of the stored matrix in bytes, in memory or in the mapped file.</summary>
    public abstract long Bytes { get; }

    /// <summary>
    /// The values in fp32, <c>[outputs, inputs]</c>, on the matrix's device. On the CPU a view of a buffer shared by all matrices
    /// in this thread, valid until the next call on any of them: copy it to keep it; never write to it.
    /// </summary>
    public abstract Tensor Expand();

    /// <summary>As <see cref="Expand"/>, in another floating type, and then in new memory or that of the stored values; owned by
    /// the caller.</summary>
    internal virtual Tensor ExpandTo(ScalarType type)
    {
        if (type == ScalarType.Float32) return Expand();
        using var wide = Expand();
        return wide.to(type);
    }

    /// <summary>
    /// <c>x Wᵀ</c> without gradients: <c>[n, inputs] -> [n, outputs]</c>, fp32, in new memory. Formats with a
    /// faster product than expansion override it; training always expands, as its backward pass does.
    /// </summary>
    public virtual Tensor Product(Tensor x) => ExpandedProduct(x);

    /// <summary><c>x Wᵀ</c> with the values of <see cref="Expand"/>.</summary>
    internal virtual Tensor ExpandedProduct(Tensor x)
    {
        using var expanded = Expand();
        using var transposed = expanded.t();
        return x.mm(transposed);
    }

    /// <summary>The gradient of that product: <c>y W</c>, <c>[n, outputs] -> [n, inputs]</c>.</summary>
    /// <param name="y"><c>[n, outputs]</c></param>
    /// <param name="sum">What the product is added to, in place; null: new memory.</param>
    internal virtual Tensor BackwardProduct(Tensor y, Tensor? sum = null)
    {
        using var expanded = Expand();
        return sum?.addmm_(y, expanded) ?? y.mm(expanded);
    }

    /// <summary>The tensors that hold the matrix and that nobody writes to while it is frozen.</summary>
    internal abstract IEnumerable<Tensor> Parts { get; }

    /// <summary>Drops the matrix's pages if it is in a mapped file, see <see cref="MappedFile.DropPages"/>.</summary>
    internal void DropPages()
    {
        foreach (var part in Parts) MappedFile.DropPages(part);
    }

    /// <summary>Moves the matrix to a device; returns itself where it is already there, else a new matrix.</summary>
    /// <exception cref="NotSupportedException">The format is supported on the CPU only.</exception>
    internal abstract WeightMatrix MoveTo(Device device);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc cref="Dispose()"/>
    protected abstract void Dispose(bool disposing);
}

/// <summary>
/// A matrix of unquantized values. Values narrower than fp32 are expanded for each use, because narrow arithmetic is several
/// times slower on most CPUs.
/// </summary>
public sealed class DenseMatrix : WeightMatrix
{
    /// <summary>The number of values expanded at a time; by default 128 MB in fp32.</summary>
    internal long PartNumbers { get; init; } = 1 << 25;

    private readonly Tensor _stored;
    private readonly bool _inputsFirst;

    /// <param name="stored">The values, of any floating type; not owned.</param>
    /// <param name="inputsFirst">Whether they are stored transposed, <c>[inputs, outputs]</c>, as in GPT-2.</param>
    public DenseMatrix(Tensor stored, bool inputsFirst = false)
        : base(stored.shape[inputsFirst ? 1 : 0], stored.shape[inputsFirst ? 0 : 1]) =>
        (this._stored, this._inputsFirst) = (stored, inputsFirst);

    /// <inheritdoc/>
    public override long Bytes => _stored.numel() * _stored.element_size();

    /// <summary>The values as <c>[outputs, inputs]</c>, in their stored type.</summary>
    public Tensor Weight => _inputsFirst ? _stored.t() : _stored;

    /// <summary>The values in their stored orientation.</summary>
    internal Tensor Stored => _stored;

    /// <inheritdoc/>
    internal override IEnumerable<Tensor> Parts => [_stored];

    /// <summary>Whether the matrix itself is trained.</summary>
    public bool IsTrained => _stored.requires_grad;

    /// <inheritdoc/>
    public override Tensor Expand()
    {
        if (_stored.dtype == ScalarType.Float32) return _inputsFirst ? _stored.t() : _stored.alias();
        var expanded = Expanded(_stored);
        if (!_inputsFirst) return expanded;
        using (expanded) return expanded.t();
    }

    /// <inheritdoc/>
    internal override Tensor ExpandTo(ScalarType type)
    {
        if (type == ScalarType.Float32) return Expand();
        if (_stored.dtype == type) return _inputsFirst ? _stored.t() : _stored.alias();
        using var narrow = _stored.to(type);
        return _inputsFirst ? narrow.t() : narrow.alias();
    }

    private static Tensor Expanded(Tensor numbers) => Compute.UsesSimd(numbers)
        ? Kernels.ExpansionBuffer.Expand(numbers) : numbers.to(ScalarType.Float32);

    // Heads have a row for each token of the vocabulary; expanded at once they would be the largest tensor in memory.
    private bool IsExpandedInParts => _stored.dtype != ScalarType.Float32 && !_inputsFirst && _stored.numel() > PartNumbers;

    /// <inheritdoc/>
    internal override Tensor ExpandedProduct(Tensor x)
    {
        if (!IsExpandedInParts) return base.ExpandedProduct(x);
        using var scope = NewDisposeScope();
        var y = Tensors.Empty([x.shape[0], Outputs], ScalarType.Float32, x.device);
        foreach (var (first, rows) in Slices())
            y.narrow(1, first, rows).copy_(x.mm(Expanded(_stored.narrow(0, first, rows)).t()));
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    internal override Tensor BackwardProduct(Tensor y, Tensor? sum = null)
    {
        if (!IsExpandedInParts) return base.BackwardProduct(y, sum);
        using var scope = NewDisposeScope();
        var x = sum ?? Tensors.Zeros([y.shape[0], Inputs], ScalarType.Float32, y.device);
        foreach (var (first, rows) in Slices())
            x.addmm_(y.narrow(1, first, rows), Expanded(_stored.narrow(0, first, rows)));
        return sum ?? x.MoveToOuterDisposeScope();
    }

    private IEnumerable<(long First, long Rows)> Slices()
    {
        var rows = Math.Max(1, PartNumbers / Inputs);
        for (long first = 0; first < Outputs; first += rows) yield return (first, Math.Min(rows, Outputs - first));
    }

    /// <inheritdoc/>
    public override Tensor Product(Tensor x) =>
        (_inputsFirst || !Compute.UsesSimd(_stored) ? null : Kernels.Decode.FloatDot.Product(x, _stored)) ?? ExpandedProduct(x);

    /// <inheritdoc/>
    internal override WeightMatrix MoveTo(Device device) => throw new NotSupportedException("the model moves its plain weights");

    /// <summary>A matrix of other values in the same orientation; they are not owned.</summary>
    /// <param name="weight"><c>[outputs, inputs]</c></param>
    internal DenseMatrix With(Tensor weight) => new(_inputsFirst ? weight.t() : weight, _inputsFirst);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) { } // the model owns the values
}
