using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// The two 8-bit floating-point formats, converted by a table to bfloat16, which represents all their values. Source:
/// Micikevicius et al.,
/// 2022, FP8 Formats for Deep Learning; E4M3 is the variant without infinities.
/// </summary>
internal static class Fp8
{
    /// <summary>Sign, 4 bits of exponent, 3 of fraction; all ones are NaN.</summary>
    public static readonly ushort[] E4M3 = Table(exponentBits: 4, hasInfinity: false);

    /// <summary>Sign, 5 bits of exponent, 2 of fraction; infinities and NaN as in IEEE 754.</summary>
    public static readonly ushort[] E5M2 = Table(exponentBits: 5, hasInfinity: true);

    /// <summary>Converts the fp8 bytes at a file offset to a new bfloat16 tensor.</summary>
    public static unsafe Tensor Expand(MappedFile map, long offset, long[] shape, ushort[] table)
    {
        var result = Tensors.Empty(shape, ScalarType.BFloat16, CPU);
        byte* source = map.Pointer + offset;
        var values = (ushort*)TensorMemory.Bytes(result);
        var count = result.numel();
        for (long i = 0; i < count; i++) values[i] = table[source[i]];
        map.Forget(offset, count);
        return result;
    }

    private static ushort[] Table(int exponentBits, bool hasInfinity)
    {
        var (fractionBits, bias) = (7 - exponentBits, (1 << (exponentBits - 1)) - 1);
        var table = new ushort[256];
        for (var code = 0; code < 256; code++)
        {
            var (exponent, fraction) = ((code & 127) >> fractionBits, code & ((1 << fractionBits) - 1));
            var top = exponent == (1 << exponentBits) - 1;
            var value = top && hasInfinity ? fraction == 0 ? double.PositiveInfinity : double.NaN
                : top && fraction == (1 << fractionBits) - 1 ? double.NaN
                : exponent == 0 ? Math.ScaleB(fraction, 1 - bias - fractionBits)
                : Math.ScaleB((1 << fractionBits) + fraction, exponent - bias - fractionBits);
            table[code] = (ushort)(BitConverter.SingleToUInt32Bits((float)(code < 128 ? value : -value)) >> 16);
        }
        return table;
    }
}
