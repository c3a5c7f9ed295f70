using System.Runtime.Intrinsics;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// The inner products of one block with 128-bit vectors, for processors without AVX2. The integer results are identical.
/// </summary>
internal static unsafe class PortableDot
{
    private const int Block = RoundedRows.Block;

    /// <summary>The product of a block of 64 codebook codes; the high halves are the even elements.</summary>
    public static Vector256<float> Codes(byte* codes, sbyte* x, (Vector128<byte> High, Vector128<byte> Low) tables, float even,
        float odd)
    {
        var (first, second) = (Vector128<int>.Zero, Vector128<int>.Zero);
        for (var i = 0; i < Block; i += 16)
        {
            var bytes = Vector128.Load(codes + i);
            first += Value(bytes >>> 4, Vector128.Load(x + i), tables);
            second += Value(bytes & Vector128.Create((byte)15), Vector128.Load(x + Block + i), tables);
        }
        var sum = Vector128.ConvertToSingle(first) * even + Vector128.ConvertToSingle(second) * odd;
        return Vector256.Create(sum, Vector128<float>.Zero);
    }

    private static Vector128<int> Value(
        Vector128<byte> code, Vector128<sbyte> x, (Vector128<byte> High, Vector128<byte> Low) tables) =>
        Products(Vector128.Shuffle(tables.High, code).AsSByte(), x) * 128
            + Products(Vector128.Shuffle(tables.Low, code).AsSByte(), x);

    private static Vector128<int> Products(Vector128<sbyte> a, Vector128<sbyte> b)
    {
        var (low, high) = (Vector128.WidenLower(a) * Vector128.WidenLower(b), Vector128.WidenUpper(a) * Vector128.WidenUpper(b));
        return Vector128.WidenLower(low) + Vector128.WidenUpper(low) + Vector128.WidenLower(high) + Vector128.WidenUpper(high);
    }
}
