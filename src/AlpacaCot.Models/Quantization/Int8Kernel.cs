using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Quantization;

/// <summary>The inner loops of the 8-bit format.</summary>
internal static unsafe class Int8Kernel
{
    /// <summary>1 / 127 the constant of bitsandbytes.</summary>
    public const float PerCode = 7.874015718698502e-3f;

    /// <summary>1 / 127², for products of two codes.</summary>
    public const float PerProduct = 6.200124e-05f;

    private const float Most = 127;
    private const float Finer = 254; // a rounding error is at most half a code

    /// <summary>Quantizes one row, scaled by its largest absolute value below the threshold; values from the threshold on get
    /// code 0.</summary>
    /// <param name="values">The row.</param>
    /// <param name="count">Its width.</param>
    /// <param name="threshold">The magnitude from which values are outliers.</param>
    /// <param name="codes">Receives the codes.</param>
    /// <param name="outliers">Set to 1 in each column with an outlier.</param>
    /// <returns>The largest absolute value below the threshold.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Quantize(float* values, long count, float threshold, sbyte* codes, byte* outliers)
    {
        var (scale, any) = LargestBelow(values, count, threshold);
        if (any)
            for (long column = 0; column < count; column++)
                if (!(MathF.Abs(values[column]) < threshold)) outliers[column] = 1;
        var factor = scale > 0 ? 1 / scale * Most : 0; // the rounding of torch's 127 / scale, which decides ties
        var (bound, zero) = (Vector256.Create(threshold), Vector256<float>.Zero);
        long i = 0;
        if (Avx512F.IsSupported && !any)
            for (; i + 16 <= count; i += 16) Sixteen(Vector512.Load(values + i) * factor, codes + i);
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
        var (scale, i) = (0f, 0L);
        if (Avx512F.IsSupported)
        {
            var (wide, next) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (; i + 32 <= count; i += 32)
            {
                wide = Vector512.Max(wide, Vector512.Abs(Vector512.Load(values + i) * Vector512.Load(factors + i)));
                next = Vector512.Max(next, Vector512.Abs(Vector512.Load(values + i + 16) * Vector512.Load(factors + i + 16)));
            }
            wide = Vector512.Max(wide, next); // not a number where any is
            scale = Largest(Vector256.Max(wide.GetLower(), wide.GetUpper()));
        }
        var maxima = Vector256<float>.Zero;
        for (; i + 8 <= count; i += 8)
            maxima = Vector256.Max(maxima, Vector256.Abs(Vector256.Load(values + i) * Vector256.Load(factors + i)));
        scale = MathF.Max(scale, Largest(maxima));
        for (; i < count; i++) scale = MathF.Max(scale, MathF.Abs(values[i] * factors[i]));
        var factor = scale > 0 ? 1 / scale * Most : 0;
        i = 0;
        if (Avx512F.IsSupported)
            for (; i + 16 <= count; i += 16) Sixteen(Vector512.Load(values + i) * Vector512.Load(factors + i) * factor,
                codes + i);
        for (; i + 32 <= count; i += 32)
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

    /// <summary>
    /// Quantizes <c>value · factor</c> of one row to 16 bits in two codes: the second has the rounding error of the first, 254
    /// times as fine.
    /// </summary>
    /// <param name="values">The row.</param>
    /// <param name="factors">A factor on each column; null: 1.</param>
    /// <param name="count">The width of the row.</param>
    /// <param name="high">Receives the first codes.</param>
    /// <param name="low">Receives the second codes.</param>
    /// <returns>The largest absolute value.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float QuantizeFine(float* values, float* factors, long count, sbyte* high, sbyte* low)
    {
        var maxima = Vector256<float>.Zero;
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var x = Vector256.Load(values + i);
            maxima = Vector256.Max(maxima, Vector256.Abs(factors is null ? x : x * Vector256.Load(factors + i)));
        }
        var scale = Largest(maxima);
        for (; i < count; i++) scale = MathF.Max(scale, MathF.Abs(values[i] * (factors is null ? 1 : factors[i])));
        var unit = scale > 0 ? 1 / scale * Most : 0;
        i = 0;
        if (Avx512F.IsSupported)
            for (; i + 16 <= count; i += 16)
            {
                var x = Vector512.Load(values + i);
                x = (factors is null ? x : x * Vector512.Load(factors + i)) * unit;
                var whole = Avx512F.ConvertToVector512Int32(x);
                Avx512F.ConvertToVector128SByteWithSaturation(whole).Store(high + i);
                Sixteen((x - Avx512F.ConvertToVector512Single(whole)) * Finer, low + i);
            }
        for (; i < count; i++)
        {
            var x = values[i] * (factors is null ? 1 : factors[i]) * unit;
            var whole = MathF.Round(x);
            high[i] = (sbyte)whole;
            low[i] = (sbyte)Math.Clamp(MathF.Round((x - whole) * Finer), -Most, Most);
        }
        return scale;
    }

    /// <summary>Dequantizes products of codes made by <see cref="QuantizeFine"/> with 8-bit codes.</summary>
    /// <param name="high">The products of the first codes.</param>
    /// <param name="low">The products of the second codes.</param>
    /// <param name="count">The number of products.</param>
    /// <param name="rowScale">The scale of the row.</param>
    /// <param name="columnScales">The scales of the columns; null: 1.</param>
    /// <param name="values">Receives the values.</param>
    /// <param name="adds">Whether they are added to what is there.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ScaleFine(int* high, int* low, long count, float rowScale, float* columnScales, float* values, bool adds)
    {
        const float part = 1 / Finer;
        var unit = rowScale * PerProduct;
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Vector256.Load(low + i)), Vector256.Create(part),
                Vector256.ConvertToSingle(Vector256.Load(high + i))) * unit;
            if (columnScales is not null) sum *= Vector256.Load(columnScales + i);
            if (adds) sum += Vector256.Load(values + i);
            sum.Store(values + i);
        }
        for (; i < count; i++)
            values[i] = MathF.FusedMultiplyAdd(low[i], part, high[i]) * unit * (columnScales is null ? 1 : columnScales[i])
                + (adds ? values[i] : 0);
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

    /// <summary>Dequantizes products of codes, possibly in place: <c>product · row scale · column scale / 127²</c>; without
    /// column scales they are 1.</summary>
    /// <param name="products">The products of a row.</param>
    /// <param name="count">Its width.</param>
    /// <param name="rowScale">The scale of the row.</param>
    /// <param name="columnScales">The scales of the columns, or null.</param>
    /// <param name="values">Receives the values.</param>
    /// <param name="adds">Whether they are added to what is there.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(int* products, long count, float rowScale, float* columnScales, float* values, bool adds)
    {
        long i = 0;
        if (columnScales is null)
        {
            if (Avx512F.IsSupported)
                for (; i + 16 <= count; i += 16)
                    Wide(Avx512F.ConvertToVector512Single(Vector512.Load(products + i)) * rowScale * PerProduct, values + i);
            for (; i + 8 <= count; i += 8)
                Store(Vector256.ConvertToSingle(Vector256.Load(products + i)) * rowScale * PerProduct, values + i);
            for (; i < count; i++) values[i] = products[i] * rowScale * PerProduct + (adds ? values[i] : 0);
            return;
        }
        if (Avx512F.IsSupported)
            for (; i + 16 <= count; i += 16)
                Wide(Avx512F.ConvertToVector512Single(Vector512.Load(products + i))
                    * (Vector512.Load(columnScales + i) * rowScale) * PerProduct, values + i);
        for (; i + 8 <= count; i += 8)
            Store(Vector256.ConvertToSingle(Vector256.Load(products + i)) * (Vector256.Load(columnScales + i) * rowScale)
                * PerProduct, values + i);
        for (; i < count; i++) values[i] = products[i] * (columnScales[i] * rowScale) * PerProduct + (adds ? values[i] : 0);

        void Store(Vector256<float> numbers, float* to) => (adds ? numbers + Vector256.Load(to) : numbers).Store(to);

        void Wide(Vector512<float> numbers, float* to) => (adds ? numbers + Vector512.Load(to) : numbers).Store(to);
    }

    private static (float Largest, bool AnyAbove) LargestBelow(float* values, long count, float threshold)
    {
        var (maxima, all, bound) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256.Create(threshold));
        long i = 0;
        if (Avx512F.IsSupported)
        {
            var (wide, whole, limit) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512.Create(threshold));
            for (; i + 16 <= count; i += 16)
            {
                var x = Vector512.Abs(Vector512.Load(values + i));
                whole = Vector512.Max(whole, x); // not a number where any is
                wide = Vector512.Max(wide, Vector512.ConditionalSelect(Vector512.LessThan(x, limit), x, Vector512<float>.Zero));
            }
            (maxima, all) = (Vector256.Max(wide.GetLower(), wide.GetUpper()), Vector256.Max(whole.GetLower(), whole.GetUpper()));
        }
        for (; i + 8 <= count; i += 8)
        {
            var x = Vector256.Abs(Vector256.Load(values + i));
            all = Vector256.Max(all, x); // not a number where any is
            maxima = Vector256.Max(maxima, Vector256.ConditionalSelect(Vector256.LessThan(x, bound), x, Vector256<float>.Zero));
        }
        var (largest, above) = (Largest(maxima), !(Largest(all) < threshold));
        for (; i < count; i++)
            if (MathF.Abs(values[i]) is var x && x < threshold) largest = MathF.Max(largest, x);
            else above = true;
        return (largest, above);
    }

    private static float Largest(Vector256<float> values)
    {
        var largest = 0f;
        for (var lane = 0; lane < 8; lane++) largest = MathF.Max(largest, values[lane]);
        return largest;
    }

    // Rounds to the nearest integer, ties to even, as the conversion of all processors does by default.
    private static void Sixteen(Vector512<float> values, sbyte* codes) =>
        Avx512F.ConvertToVector128SByteWithSaturation(Avx512F.ConvertToVector512Int32(values)).Store(codes);
}
