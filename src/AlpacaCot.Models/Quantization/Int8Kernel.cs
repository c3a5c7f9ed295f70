using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AlpacaCot.Models.Quantization;

/// <summary>The inner loops of the 8-bit format.</summary>
internal static unsafe class Int8Kernel
{
    /// <summary>1 / 127 the constant of bitsandbytes.</summary>
    public const float PerCode = 7.874015718698502e-3f;

    /// <summary>1 / 127², for products of two codes.</summary>
    public const float PerProduct = 6.200124e-05f;

    private const float Most = 127;

    /// <summary>Quantizes one row, scaled by its largest absolute value below the threshold; values from the threshold on get
    /// code 0.</summary>
    /// <returns>The largest absolute value below the threshold.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Quantize(float* values, long count, float threshold, sbyte* codes)
    {
        var scale = LargestBelow(values, count, threshold);
        var factor = scale > 0 ? 1 / scale * Most : 0; // the rounding of torch's 127 / scale, which decides ties
        var (bound, zero) = (Vector256.Create(threshold), Vector256<float>.Zero);
        long i = 0;
        for (; i + 32 <= count; i += 32)
        {
            var a = Vector256.Narrow(Eight(i), Eight(i + 8));
            var b = Vector256.Narrow(Eight(i + 16), Eight(i + 24));
            Vector256.Narrow(a, b).Store(codes + i);
        }
        for (; i < count; i++) codes[i] = MathF.Abs(values[i]) < threshold ? (sbyte)MathF.Round(values[i] * factor) : (sbyte)0;
        return scale;

        Vector256<int> Eight(long at)
        {
            var x = Vector256.Load(values + at);
            var inside = Vector256.LessThan(Vector256.Abs(x), bound);
            return Vector256.ConvertToInt32(Vector256.Round(Vector256.ConditionalSelect(inside, x, zero) * factor));
        }
    }

    /// <summary>As <see cref="Quantize"/> for <c>value · factor</c> of each column, without a threshold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float QuantizeScaled(float* values, float* factors, long count, sbyte* codes)
    {
        var maxima = Vector256<float>.Zero;
        long i = 0;
        for (; i + 8 <= count; i += 8)
            maxima = Vector256.Max(maxima, Vector256.Abs(Vector256.Load(values + i) * Vector256.Load(factors + i)));
        var scale = 0f;
        for (var lane = 0; lane < 8; lane++) scale = MathF.Max(scale, maxima[lane]);
        for (; i < count; i++) scale = MathF.Max(scale, MathF.Abs(values[i] * factors[i]));
        var factor = scale > 0 ? 1 / scale * Most : 0;
        for (i = 0; i + 32 <= count; i += 32)
        {
            var a = Vector256.Narrow(Eight(i), Eight(i + 8));
            var b = Vector256.Narrow(Eight(i + 16), Eight(i + 24));
            Vector256.Narrow(a, b).Store(codes + i);
        }
        for (; i < count; i++) codes[i] = (sbyte)MathF.Round(values[i] * factors[i] * factor);
        return scale;

        Vector256<int> Eight(long at) => Vector256.ConvertToInt32(
            Vector256.Round(Vector256.Load(values + at) * Vector256.Load(factors + at) * factor));
    }

    /// <summary>Dequantizes one row: <c>code · scale / 127</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Expand(sbyte* codes, long count, float scale, float* values)
    {
        long i = 0;
        for (; i + 16 <= count; i += 16)
        {
            var (low, high) = Vector128.Widen(Vector128.Load(codes + i));
            Store(low, values + i);
            Store(high, values + i + 8);
        }
        for (; i < count; i++) values[i] = codes[i] * scale * PerCode;

        void Store(Vector128<short> codes, float* to)
        {
            var (low, high) = Vector128.Widen(codes);
            (Vector256.ConvertToSingle(Vector256.Create(low, high)) * scale * PerCode).Store(to);
        }
    }

    /// <summary>Dequantizes products of codes: <c>product · row scale · column scale / 127²</c>; without column scales they are
    /// 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(int* products, long count, float rowScale, float* columnScales, float* values)
    {
        long i = 0;
        if (columnScales is null)
        {
            for (; i + 8 <= count; i += 8)
                (Vector256.ConvertToSingle(Vector256.Load(products + i)) * rowScale * PerProduct).Store(values + i);
            for (; i < count; i++) values[i] = products[i] * rowScale * PerProduct;
            return;
        }
        for (; i + 8 <= count; i += 8)
            (Vector256.ConvertToSingle(Vector256.Load(products + i)) * (Vector256.Load(columnScales + i) * rowScale) * PerProduct)
                .Store(values + i);
        for (; i < count; i++) values[i] = products[i] * (columnScales[i] * rowScale) * PerProduct;
    }

    private static float LargestBelow(float* values, long count, float threshold)
    {
        var (maxima, bound) = (Vector256<float>.Zero, Vector256.Create(threshold));
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var x = Vector256.Abs(Vector256.Load(values + i));
            maxima = Vector256.Max(maxima, Vector256.ConditionalSelect(Vector256.LessThan(x, bound), x, Vector256<float>.Zero));
        }
        var largest = 0f;
        for (var lane = 0; lane < 8; lane++) largest = MathF.Max(largest, maxima[lane]);
        for (; i < count; i++)
            if (MathF.Abs(values[i]) is var x && x < threshold) largest = MathF.Max(largest, x);
        return largest;
    }
}
