using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Kernels.Decode;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// A matrix for fast decoding: the 8-bit or 4-bit blocks of GGUF's Q8_0 and Q4_0, with identical values, in a layout that is read
/// sequentially. Products round the activations to int8 in blocks of 32, as llama.cpp does, and multiply integers;
/// the result of a row of x does not depend on the other rows.
/// </summary>
public sealed unsafe class BlockMatrix : WeightMatrix
{
    private const int Block = RoundedRows.Block, Group = Int8Dot.Group;

    // Small enough to balance the load over cores, large enough to amortize scheduling; rows of x that fit the cache.
    private const int TaskBytes = 1 << 16, RowsAtOnce = 64, CachedBytes = 1 << 20;

    private readonly Tensor _codes, _scales;
    private readonly int _blocks, _blockBytes;
    private readonly long _groups;

    private BlockMatrix(int bits, long outputs, long inputs)
        : base(outputs, inputs)
    {
        (Bits, _blockBytes) = (bits, bits == 8 ? Int8Dot.BlockBytes : Int4Dot.BlockBytes);
        (_blocks, _groups) = ((int)((inputs + Block - 1) / Block), (outputs + Group - 1) / Group);
        _codes = Tensors.Zeros([_groups, _blocks, _blockBytes], ScalarType.Byte, CPU).DetachFromDisposeScope();
        _scales = Tensors.Zeros([_groups, _blocks, Group], ScalarType.Float16, CPU).DetachFromDisposeScope();
    }

    /// <summary>Bits of a code: 8 or 4.</summary>
    public int Bits { get; }

    /// <inheritdoc/>
    internal override IEnumerable<Tensor> Parts => [_codes, _scales];

    /// <inheritdoc/>
    public override long Bytes => _codes.numel() + 2 * _scales.numel();

    private GgufType Type => Bits == 8 ? GgufType.Q8 : GgufType.Q4;

    /// <summary>Quantizes a matrix.</summary>
    /// <param name="weight"><c>[outputs, inputs]</c>, any floating type; not owned.</param>
    /// <param name="bits">8 or 4.</param>
    /// <exception cref="InputException">The matrix is not on the CPU.</exception>
    public static BlockMatrix Quantize(Tensor weight, int bits)
    {
        if (weight.device_type != DeviceType.CPU)
            throw new InputException($"Weights in blocks of {bits} bits are supported on the CPU only, and this model is on " +
                $"{weight.device}: omit the rounding, or load the model on the CPU.");
        var matrix = new BlockMatrix(bits, weight.shape[0], weight.shape[1]);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        const long AtOnce = 512 * Group; // rows; avoids a full fp32 copy of a large matrix in a narrow type
        for (long start = 0; start < matrix.Outputs; start += AtOnce)
        {
            using var some = weight.narrow(0, start, Math.Min(AtOnce, matrix.Outputs - start));
            using var full = some.to(ScalarType.Float32).contiguous();
            var (from, count, first) = ((nint)TensorMemory.Floats(full), full.shape[0], start / Group);
            Rows.Split((count + Group - 1) / Group, Group * matrix.Inputs, (g, end) =>
            {
                for (; g < end; g++)
                    for (var r = 0; r < Group && g * Group + r < count; r++)
                        matrix.Round((float*)from + (g * Group + r) * matrix.Inputs, first + g, r);
            });
        }
        return matrix;
    }

    /// <inheritdoc/>
    public override Tensor Expand()
    {
        var values = ExpansionBuffer.Take(Outputs, Inputs);
        var to = (nint)TensorMemory.Floats(values);
        Rows.Split(_groups, Group * Inputs, (first, end) =>
        {
            for (var row = first * Group; row < Math.Min(end * Group, Outputs); row++) Expand(row, (float*)to + row * Inputs);
        });
        return values;
    }

    /// <inheritdoc/>
    public override Tensor Product(Tensor x)
    {
        using var input = x.contiguous();
        var (n, threads) = ((int)x.shape[0], get_num_threads());
        var y = Tensors.Empty([n, Outputs], ScalarType.Float32, CPU);
        var rounded = RoundedRows.Shared;
        rounded.Round(TensorMemory.Floats(input), n, (int)Inputs, BlockOrder.Plain, Bits == 8 ? Int8Dot.Zero : Int4Dot.Zero,
            threads);
        var (codes, scales, to) = ((nint)TensorMemory.Bytes(_codes), (nint)TensorMemory.Bytes(_scales),
            (nint)TensorMemory.Floats(y));
        if (WeightPanel.IsSupported && n >= WeightPanel.FewestRows)
        {
            // As many rows of x at a time as fit in a core's cache.
            var panels = (int)((_groups + 1) / 2);
            var rowsAtOnce = Math.Max(RowsAtOnce, CachedBytes / (_blocks * Block) / WeightPanel.Tile * WeightPanel.Tile);
            SpinThreadPool.Shared.Run((n + rowsAtOnce - 1) / rowsAtOnce * panels, threads, task =>
            {
                var (from, first) = (task / panels * rowsAtOnce, task % panels * 2L);
                MultiplyPanel((byte*)codes, (ushort*)scales, rounded, from, Math.Min(from + rowsAtOnce, n), (float*)to, first,
                    Math.Min(first + 2, _groups));
            });
            return y;
        }
        var groupsAtOnce = Math.Max(1, TaskBytes / (_blocks * _blockBytes));
        SpinThreadPool.Shared.Run((int)((_groups + groupsAtOnce - 1) / groupsAtOnce), threads, task =>
        {
            var (first, end) = ((long)task * groupsAtOnce, Math.Min((task + 1L) * groupsAtOnce, _groups));
            for (var from = 0; from < n; from += RowsAtOnce)
                Multiply((byte*)codes, (ushort*)scales, rounded, from, Math.Min(from + RowsAtOnce, n), (float*)to, first, end);
        });
        return y;
    }

    // The form is for inference only: scores are computed as answers are.
    internal override Tensor ExpandedProduct(Tensor x) => Product(x);

    // Rows of x beyond the last whole tile are multiplied from the stored codes.
    private void MultiplyPanel(byte* codes, ushort* scales, RoundedRows x, int from, int until, float* y, long first, long end)
    {
        var (whole, row) = (until - (until - from) % WeightPanel.Tile, first * Group);
        if (from < whole)
        {
            var (panel, rows) = (WeightPanel.Shared, (int)Math.Min(WeightPanel.RowCount, Outputs - row));
            byte* c = codes + first * _blocks * _blockBytes;
            ushort* s = scales + row * _blocks;
            if (Bits == 8) panel.Unpack((sbyte*)c, s, _blocks, (int)(end - first));
            else panel.Unpack(c, s, _blocks, (int)(end - first));
            for (var i = from; i < whole; i += WeightPanel.Tile) panel.Multiply(x, i, y + i * Outputs + row, Outputs, rows);
        }
        Multiply(codes, scales, x, whole, until, y, first, end);
    }

    private void Multiply(byte* codes, ushort* scales, RoundedRows x, int from, int until, float* y, long first, long end)
    {
        if (Bits == 8) Int8Dot.Multiply((sbyte*)codes, scales, _blocks, x, from, until, y, Outputs, first, end);
        else Int4Dot.Multiply(codes, scales, _blocks, x, from, until, y, Outputs, first, end);
    }

    /// <inheritdoc/>
    internal override WeightMatrix MoveTo(Device device) => device.type == DeviceType.CPU ? this
        : throw new NotSupportedException($"a matrix in blocks of {Bits} bits is supported on the CPU only");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _codes.Dispose();
        _scales.Dispose();
    }

    // GGUF's block of a row: its scale, then 32 bytes, or 16 with low halves first. Four bytes of each row are interleaved.
    private void Round(float* row, long group, int r)
    {
        Span<float> values = stackalloc float[Block];
        Span<byte> packed = stackalloc byte[2 + Block];
        byte* to = TensorMemory.Bytes(_codes) + group * _blocks * _blockBytes + 4 * r;
        ushort* scale = (ushort*)TensorMemory.Bytes(_scales) + group * _blocks * Group + r;
        for (var b = 0; b < _blocks; b++, to += _blockBytes, scale += Group)
        {
            var count = (int)Math.Min(Block, Inputs - b * Block);
            values.Clear();
            new Span<float>(row + b * Block, count).CopyTo(values);
            GgufBlocks.Round(Type, values, packed);
            *scale = BitConverter.ToUInt16(packed);
            for (var q = 0; q < _blockBytes / Group; q += 4) packed.Slice(2 + q, 4).CopyTo(new Span<byte>(to + q * Group, 4));
        }
    }

    private void Expand(long row, float* into)
    {
        Span<float> values = stackalloc float[Block];
        Span<byte> packed = stackalloc byte[2 + _blockBytes / Group];
        byte* from = TensorMemory.Bytes(_codes) + row / Group * _blocks * _blockBytes + 4 * (row % Group);
        ushort* scale = (ushort*)TensorMemory.Bytes(_scales) + row / Group * _blocks * Group + row % Group;
        for (var b = 0; b < _blocks; b++, from += _blockBytes, scale += Group)
        {
            BitConverter.TryWriteBytes(packed, *scale);
            for (var q = 0; q < _blockBytes / Group; q += 4) new Span<byte>(from + q * Group, 4).CopyTo(packed.Slice(2 + q, 4));
            GgufBlocks.Expand(Type, packed, values);
            values[..(int)Math.Min(Block, Inputs - b * Block)].CopyTo(new Span<float>(into + b * Block, Block));
        }
    }
}
