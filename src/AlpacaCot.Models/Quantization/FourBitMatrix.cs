using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Kernels.Decode;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// A matrix of 4-bit codes with one scale for each block of weights; with double quantization the scales are 8-bit codes
/// around their mean, in blocks of 256. Source: Dettmers et al., 2023 (QLoRA); codes and values are those of bitsandbytes.
/// </summary>
public sealed unsafe class FourBitMatrix : WeightMatrix
{
    /// <summary>The number of scales that share a nested scale.</summary>
    public const int NestedBlock = 256;

    // With more rows, expanding once is faster.
    private const int FewRows = 8;

    private const int RowsAtOnce = 64;

    private readonly Codebook _book;
    private readonly Lock _gate = new();
    private Tensor? _plainScales;

    /// <summary>Creates a matrix from tensors in the layout of bitsandbytes; they become owned.</summary>
    /// <param name="type"><see cref="QuantizationType.Nf4"/> or <see cref="QuantizationType.Fp4"/>.</param>
    /// <param name="outputs">The number of rows.</param>
    /// <param name="inputs">The number of columns.</param>
    /// <param name="packed">Two codes for each byte, the first in the high half, uint8.</param>
    /// <param name="blockSize">The number of weights that share a scale.</param>
    /// <param name="scales">One scale for each block: fp32, or uint8 codes with nested scales.</param>
    /// <param name="nestedScales">One scale for each <see cref="NestedBlock"/> scales, fp32; null without double
    /// quantization.</param>
    /// <param name="offset">The mean of the scales.</param>
    public FourBitMatrix(QuantizationType type, long outputs, long inputs, Tensor packed, int blockSize, Tensor scales,
        Tensor? nestedScales, float offset)
        : base(outputs, inputs)
    {
        _book = type == QuantizationType.Nf4 ? Codebook.Nf4 : Codebook.Fp4;
        (Type, BlockSize, Offset) = (type, blockSize, offset);
        (Packed, Scales, NestedScales) = (packed.DetachFromDisposeScope(), scales.DetachFromDisposeScope(),
            nestedScales?.DetachFromDisposeScope());
    }

    /// <summary>The codebook, NF4 or FP4.</summary>
    public QuantizationType Type { get; }

    /// <summary>The number of weights that share a scale.</summary>
    public int BlockSize { get; }

    /// <summary>Two codes for each byte, the first in the high half.</summary>
    public Tensor Packed { get; }

    /// <summary>One scale for each block, fp32, or uint8 codes around <see cref="Offset"/>.</summary>
    public Tensor Scales { get; }

    /// <summary>The scales of the scales; null without double quantization.</summary>
    public Tensor? NestedScales { get; }

    /// <summary>The mean of the scales, added to each dequantized scale.</summary>
    public float Offset { get; }

    /// <summary>The 16 values of the codebook.</summary>
    public ReadOnlySpan<float> Table => _book.Values;

    /// <inheritdoc/>
    internal override IEnumerable<Tensor> Parts => NestedScales is null ? [Packed, Scales] : [Packed, Scales, NestedScales];

    /// <inheritdoc/>
    public override long Bytes => Packed.numel() + Scales.numel() * Scales.element_size() + (NestedScales?.numel() ?? 0) * 4;

    private long Blocks => (Outputs * Inputs + BlockSize - 1) / BlockSize;

    /// <summary>Quantizes a matrix.</summary>
    /// <param name="weight"><c>[outputs, inputs]</c>, any floating type; not owned.</param>
    /// <param name="type"><see cref="QuantizationType.Nf4"/> or <see cref="QuantizationType.Fp4"/>.</param>
    /// <param name="blockSize">The number of weights that share a scale, a multiple of 32.</param>
    /// <param name="doubleQuantization">Whether the scales are quantized too.</param>
    public static FourBitMatrix Quantize(Tensor weight, QuantizationType type, int blockSize = 64, bool doubleQuantization = true)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var full = weight.detach().cpu().to(ScalarType.Float32).contiguous();
        var (count, blocks) = (full.numel(), (full.numel() + blockSize - 1) / blockSize);
        var packed = Tensors.Empty([(count + 1) / 2, 1], ScalarType.Byte, CPU);
        var scales = Tensors.Empty([blocks], ScalarType.Float32, CPU);
        var (from, to) = ((nint)TensorMemory.Floats(full), (nint)TensorMemory.Bytes(packed));
        var at = (nint)TensorMemory.Floats(scales);
        var book = type == QuantizationType.Nf4 ? Codebook.Nf4 : Codebook.Fp4;
        Rows.Split(blocks, blockSize * 8, (first, end) =>
        {
            for (var b = first; b < end; b++)
                ((float*)at)[b] = FourBitKernel.Quantize((float*)from + b * blockSize, Math.Min(blockSize, count - b * blockSize),
                    book, (byte*)to + b * blockSize / 2);
        });
        if (!doubleQuantization)
            return new FourBitMatrix(type, weight.shape[0], weight.shape[1], packed, blockSize, scales, null, 0)
                .On(weight.device);

        var offset = scales.mean().item<float>();
        scales.sub_(Number(offset));
        var codes = Tensors.Empty([blocks], ScalarType.Byte, CPU);
        var nested = Tensors.Empty([(blocks + NestedBlock - 1) / NestedBlock], ScalarType.Float32, CPU);
        BlockQuantizer.Quantize((float*)at, blocks, NestedBlock, Codebook.DynamicSigned, TensorMemory.Bytes(codes),
            TensorMemory.Floats(nested));
        return new FourBitMatrix(type, weight.shape[0], weight.shape[1], packed, blockSize, codes, nested, offset)
            .On(weight.device);
    }

    /// <inheritdoc/>
    public override Tensor Expand()
    {
        if (!Compute.UsesSimd(Packed)) return ExpandedByTorch(ScalarType.Float32);
        var values = ExpansionBuffer.Take(Outputs, Inputs);
        var (to, packed) = ((nint)TensorMemory.Floats(values), (nint)TensorMemory.Bytes(Packed));
        var (count, blocks) = (Outputs * Inputs, Blocks);
        // NestedBlock blocks at a time, so that their scales are computed once.
        Rows.Split((blocks + NestedBlock - 1) / NestedBlock, NestedBlock * BlockSize, (first, end) =>
        {
            var scales = stackalloc float[NestedBlock];
            fixed (float* table = _book.Values)
                for (var group = first; group < end; group++)
                {
                    var begin = group * NestedBlock;
                    var inGroup = (int)Math.Min(NestedBlock, blocks - begin);
                    ReadScales(begin, inGroup, scales);
                    for (var b = 0; b < inGroup; b++)
                    {
                        var at = (begin + b) * BlockSize;
                        FourBitKernel.Expand((byte*)packed + at / 2, Math.Min(BlockSize, count - at), table, scales[b],
                            (float*)to + at);
                    }
                }
        });
        return values;
    }

    /// <summary>The values in 8-bit codes, each row scaled by its largest, without fp32 values in between; null where rows and
    /// blocks do not end together.</summary>
    internal Int8Rows? ToInt8()
    {
        if (!Compute.UsesSimd(Packed) || Inputs % BlockSize != 0) return null;
        var codes = Tensors.Empty([Outputs, Inputs], ScalarType.Int8, CPU);
        var rows = Tensors.Empty([Outputs], ScalarType.Float32, CPU);
        var (to, at, packed) = ((nint)TensorMemory.Bytes(codes), (nint)TensorMemory.Floats(rows),
            (nint)TensorMemory.Bytes(Packed));
        var (width, size, perRow, largest) =
            (Inputs, BlockSize, (int)(Inputs / BlockSize), _book.Values.ToArray().Max(MathF.Abs));
        Rows.Split(Outputs, width, (first, end) =>
        {
            var scales = stackalloc float[perRow];
            fixed (float* table = _book.Values)
                for (var row = first; row < end; row++)
                {
                    for (int done = 0, count; done < perRow; done += count) // at most to the end of a group of nested scales
                    {
                        var block = row * perRow + done;
                        count = (int)Math.Min(perRow - done, NestedBlock - block % NestedBlock);
                        ReadScales(block, count, scales + done);
                    }
                    var scale = 0f;
                    for (long b = 0; b < perRow; b++) scale = MathF.Max(scale, MathF.Abs(scales[b]) * largest);
                    ((float*)at)[row] = scale;
                    var factor = scale > 0 ? 127 / scale : 0;
                    for (long b = 0; b < perRow; b++)
                        FourBitKernel.ToInt8((byte*)packed + (row * width + b * size) / 2, size, table, scales[b] * factor,
                            (sbyte*)to + row * width + b * size);
                }
        });
        return new Int8Rows(codes, rows, null);
    }

    /// <inheritdoc/>
    internal override Tensor ExpandTo(ScalarType type) =>
        Compute.UsesSimd(Packed) ? base.ExpandTo(type) : ExpandedByTorch(type);

    /// <summary>The weights that are expanded at a time by libtorch, whose intermediate tensors need ten bytes for
    /// each.</summary>
    internal static long WeightsAtOnce { get; set; } = 1 << 23;

    private Tensor ExpandedByTorch(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (count, device) = (Outputs * Inputs, Packed.device);
        var scales = Scales;
        if (NestedScales is not null)
            scales = Codebook.DynamicSigned.On(device).index_select(0, Scales.to(ScalarType.Int32))
                .mul(NestedScales.repeat_interleave(NestedBlock).narrow(0, 0, Blocks)).add(Number(Offset));
        var (pairs, packed) = (_book.PairsOn(device), Packed.flatten());
        var result = Tensors.Empty([count], type, device);
        var atOnce = Math.Max(BlockSize, WeightsAtOnce / BlockSize * BlockSize);
        for (long first = 0; first < count; first += atOnce)
        {
            using var part = NewDisposeScope();
            var some = Math.Min(atOnce, count - first);
            var values = pairs.index_select(0, packed.narrow(0, first / 2, (some + 1) / 2).to(ScalarType.Int32)).flatten();
            var factors = scales.narrow(0, first / BlockSize, (some + BlockSize - 1) / BlockSize);
            var scaled = some % BlockSize == 0 ? values.view(-1, BlockSize).mul(factors.unsqueeze(1)).flatten()
                : values.narrow(0, 0, some).mul(factors.repeat_interleave(BlockSize).narrow(0, 0, some));
            result.narrow(0, first, some).copy_(scaled);
        }
        return result.view(Outputs, Inputs).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    internal override WeightMatrix MoveTo(Device device) => On(device);

    private FourBitMatrix On(Device device) => device.type == Packed.device_type ? this
        : new FourBitMatrix(Type, Outputs, Inputs, Tensors.On(Packed, device), BlockSize, Tensors.On(Scales, device),
            NestedScales is null ? null : Tensors.On(NestedScales, device), Offset);

    /// <inheritdoc/>
    /// <remarks>
    /// Few rows are rounded to int8 in blocks of 32 and multiplied with the packed codes; the fp32 scales are computed at the
    /// first such product.
    /// </remarks>
    public override Tensor Product(Tensor x)
    {
        if (!Compute.UsesSimd(Packed) || x.shape[0] > FewRows || BlockSize != CodebookDot.Block || Inputs % BlockSize != 0)
            return ExpandedProduct(x);
        using var input = x.contiguous();
        var (n, blocks) = ((int)x.shape[0], (int)(Inputs / BlockSize));
        var y = Tensors.Empty([n, Outputs], ScalarType.Float32, CPU);
        var (rounded, to) = (RoundedRows.Shared, (nint)TensorMemory.Floats(y));
        rounded.Round(TensorMemory.Floats(input), n, (int)Inputs, BlockOrder.EvenOdd);
        var (codes, scales) = ((nint)TensorMemory.Bytes(Packed), (nint)TensorMemory.Floats(PlainScales()));
        var tables = CodebookDot.Tables(_book.Values);
        SpinThreadPool.Shared.Run((int)((Outputs + RowsAtOnce - 1) / RowsAtOnce), get_num_threads(), task =>
            CodebookDot.Multiply((byte*)codes, (float*)scales, tables, blocks, rounded, (float*)to, Outputs,
                (long)task * RowsAtOnce, Math.Min((task + 1L) * RowsAtOnce, Outputs)));
        return y;
    }

    private Tensor PlainScales()
    {
        lock (_gate)
        {
            if (_plainScales is not null) return _plainScales;
            var scales = Tensors.Empty([Blocks], ScalarType.Float32, CPU).DetachFromDisposeScope();
            for (long first = 0; first < Blocks; first += NestedBlock)
                ReadScales(first, (int)Math.Min(NestedBlock, Blocks - first), TensorMemory.Floats(scales) + first);
            return _plainScales = scales;
        }
    }

    /// <summary>Computes the fp32 scales of consecutive blocks.</summary>
    /// <param name="first">The first block.</param>
    /// <param name="count">The number of blocks; with nested scales all in one group of <see cref="NestedBlock"/>.</param>
    /// <param name="scales">Receives the scales.</param>
    internal void ReadScales(long first, int count, float* scales)
    {
        if (NestedScales is null)
        {
            new ReadOnlySpan<float>(TensorMemory.Floats(Scales) + first, count).CopyTo(new Span<float>(scales, count));
            return;
        }
        var codes = TensorMemory.Bytes(Scales) + first;
        var nested = TensorMemory.Floats(NestedScales)[first / NestedBlock];
        var values = Codebook.DynamicSigned.Values;
        for (var i = 0; i < count; i++) scales[i] = values[codes[i]] * nested + Offset;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Packed.Dispose();
        Scales.Dispose();
        NestedScales?.Dispose();
        _plainScales?.Dispose();
    }
}
