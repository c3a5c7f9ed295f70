using System.Buffers.Binary;
using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// Converts GGUF's block formats to fp32 and back. Scales are fp16; the arithmetic is that of ggml's reference routines, so that
/// the same weights give the same bytes. Source: <c>ggml-quants.c</c> of llama.cpp.
/// </summary>
internal static class GgufBlocks
{
    /// <summary>Converts whole blocks to fp32.</summary>
    public static void Expand(GgufType type, ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !values.IsEmpty; blocks = blocks[type.BlockBytes..], values = values[type.BlockElements..])
        {
            var block = blocks[..type.BlockBytes];
            var into = values[..type.BlockElements];
            if (type == GgufType.Q8) ExpandQ8(block, into);
            else if (type == GgufType.Q4) ExpandQ4(block, into);
            else if (type == GgufType.Q4K) ExpandQ4K(block, into);
            else if (type == GgufType.Q6K) ExpandQ6K(block, into);
            else throw new ArgumentException($"{type.Name} has no blocks", nameof(type));
        }
    }

    /// <summary>Quantizes values to whole blocks of Q8_0 or Q4_0.</summary>
    public static void Round(GgufType type, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; !values.IsEmpty; blocks = blocks[type.BlockBytes..], values = values[type.BlockElements..])
        {
            if (type == GgufType.Q8) RoundQ8(values[..32], blocks);
            else if (type == GgufType.Q4) RoundQ4(values[..32], blocks);
            else throw new ArgumentException($"writing {type.Name} is not supported; Q8_0 and Q4_0 are", nameof(type));
        }
    }

    private static float Scale(ReadOnlySpan<byte> at) => (float)BinaryPrimitives.ReadHalfLittleEndian(at);

    private static void ExpandQ8(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = Scale(block);
        for (var i = 0; i < 32; i++) values[i] = (sbyte)block[2 + i] * scale;
    }

    // Elements i and i + 16 share a byte; code 8 is zero.
    private static void ExpandQ4(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = Scale(block);
        for (var i = 0; i < 16; i++)
        {
            values[i] = ((block[2 + i] & 15) - 8) * scale;
            values[i + 16] = ((block[2 + i] >> 4) - 8) * scale;
        }
    }

    // Scale and minimum of the block, 8 pairs of 6 bits in 12 bytes, then groups of 64: low halves of 32 bytes, then high halves.
    private static void ExpandQ4K(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (scale, minimum) = (Scale(block), Scale(block[2..]));
        var packed = block.Slice(4, 12);
        for (var run = 0; run < 8; run++)
        {
            var (s, m) = run < 4
                ? (packed[run] & 63, packed[run + 4] & 63)
                : ((packed[run + 4] & 15) | (packed[run - 4] >> 6 << 4), (packed[run + 4] >> 4) | (packed[run] >> 6 << 4));
            var (factor, less) = (scale * s, minimum * m);
            var bytes = block.Slice(16 + run / 2 * 32, 32);
            for (var i = 0; i < 32; i++)
                values[run * 32 + i] = factor * (run % 2 == 0 ? bytes[i] & 15 : bytes[i] >> 4) - less;
        }
    }

    // 128 bytes of low halves, 64 of high pairs of bits, 16 scales, the block's scale; the two halves of 128 elements have the
    // same layout.
    private static void ExpandQ6K(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = Scale(block[208..]);
        for (var half = 0; half < 2; half++)
        {
            var low = block.Slice(half * 64, 64);
            var high = block.Slice(128 + half * 32, 32);
            var scales = block.Slice(192 + half * 8, 8);
            for (var i = 0; i < 128; i++)
            {
                var quarter = i / 32;
                var bits = low[i % 64] >> (quarter < 2 ? 0 : 4) & 15 | (high[i % 32] >> (2 * quarter) & 3) << 4;
                values[half * 128 + i] = scale * (sbyte)scales[i / 16] * (bits - 32);
            }
        }
    }

    private static void RoundQ8(ReadOnlySpan<float> values, Span<byte> block)
    {
        var most = 0f;
        foreach (var v in values) most = MathF.Max(most, MathF.Abs(v));
        var scale = most / 127;
        var inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (var i = 0; i < 32; i++) block[2 + i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
    }

    // The value of largest magnitude becomes -8, which uses the full range of codes.
    private static void RoundQ4(ReadOnlySpan<float> values, Span<byte> block)
    {
        var most = 0f;
        foreach (var v in values)
            if (MathF.Abs(v) > MathF.Abs(most)) most = v;
        var scale = most / -8;
        var inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (var i = 0; i < 16; i++) block[2 + i] = (byte)(Bits(values[i] * inverse) | Bits(values[i + 16] * inverse) << 4);

        static int Bits(float value) => Math.Min(15, (int)(value + 8.5f));
    }
}
