using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>Products of an fp32, bf16 or fp16 matrix with a few fp32 rows, reading the matrix in its stored type.</summary>
internal static unsafe class FloatDot
{
    /// <summary>The maximum number of rows; with more, a matrix product over the expanded weights is faster.</summary>
    public const int MostRows = 4;

    private const int PieceBytes = 1 << 16;

    /// <summary>
    /// <c>x Wᵀ</c>, <c>[n, inputs] -> [n, outputs]</c>; null if these inputs are not supported or libtorch is faster.
    /// </summary>
    public static Tensor? Product(Tensor x, Tensor weight)
    {
        if (x.shape[0] > MostRows || weight.dtype is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16)
            || !weight.is_contiguous() || weight.device_type != TorchSharp.DeviceType.CPU) return null;
        using var input = x.contiguous();
        var (n, rows, width, type) = (x.shape[0], weight.shape[0], weight.shape[1], weight.dtype);
        var y = Tensors.Empty([n, rows], ScalarType.Float32, CPU);
        var (from, w, to) = ((nint)TensorMemory.Floats(input), (nint)TensorMemory.Bytes(weight), (nint)TensorMemory.Floats(y));
        var rowsAtOnce = Math.Max(1, PieceBytes / (width * weight.element_size()));
        SpinThreadPool.Shared.Run((int)((rows + rowsAtOnce - 1) / rowsAtOnce), get_num_threads(), piece =>
            Multiply((byte*)w, type, width, (float*)from, n, (float*)to, rows, piece * rowsAtOnce,
                Math.Min((piece + 1) * rowsAtOnce, rows)));
        return y;
    }

    /// <summary><c>y[i, r] = Σ w[r] · x[i]</c> for the matrix rows [first, end).</summary>
    /// <param name="weights"><c>[rows, width]</c></param>
    /// <param name="type">fp32, bf16 or fp16.</param>
    /// <param name="width">The number of columns.</param>
    /// <param name="x"><c>[count, width]</c></param>
    /// <param name="count">The number of rows of x.</param>
    /// <param name="y"><c>[count, rows]</c></param>
    /// <param name="rows">The number of rows of the whole matrix.</param>
    /// <param name="first">The first row.</param>
    /// <param name="end">The index after the last row.</param>
    public static void Multiply(byte* weights, ScalarType type, long width, float* x, long count, float* y, long rows, long first,
        long end)
    {
        for (var row = first; row < end; row++)
            for (long i = 0; i < count; i++)
                y[i * rows + row] = type switch
                {
                    ScalarType.Float32 => Dot<Wide>(weights + row * width * 4, x + i * width, width),
                    ScalarType.BFloat16 => Dot<Brain>(weights + row * width * 2, x + i * width, width),
                    _ => Dot<Half16>(weights + row * width * 2, x + i * width, width),
                };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Dot<T>(byte* w, float* x, long width)
        where T : struct, INumberFormat
    {
        Vector256<float> a = default, b = default, c = default, d = default;
        long i = 0;
        for (; i + 32 <= width; i += 32, w += 32 * T.Size)
        {
            a = Vector256.MultiplyAddEstimate(T.Eight(w), Vector256.Load(x + i), a);
            b = Vector256.MultiplyAddEstimate(T.Eight(w + 8 * T.Size), Vector256.Load(x + i + 8), b);
            c = Vector256.MultiplyAddEstimate(T.Eight(w + 16 * T.Size), Vector256.Load(x + i + 16), c);
            d = Vector256.MultiplyAddEstimate(T.Eight(w + 24 * T.Size), Vector256.Load(x + i + 24), d);
        }
        var sum = Vector256.Sum(a + b + (c + d));
        for (; i < width; i++, w += T.Size) sum += T.Single(w) * x[i];
        return sum;
    }

    private interface INumberFormat
    {
        static abstract int Size { get; }

        static abstract float Single(byte* at);

        static abstract Vector256<float> Eight(byte* at);
    }

    private readonly struct Wide : INumberFormat
    {
        public static int Size => 4;

        public static float Single(byte* at) => *(float*)at;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Eight(byte* at) => Vector256.Load((float*)at);
    }

    private readonly struct Brain : INumberFormat // the upper half of an fp32 number
    {
        public static int Size => 2;

        public static float Single(byte* at) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)at << 16);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Eight(byte* at)
        {
            var narrow = Vector128.Load((ushort*)at);
            return (Vector256.Create(Vector128.WidenLower(narrow), Vector128.WidenUpper(narrow)) << 16).AsSingle();
        }
    }

    private readonly struct Half16 : INumberFormat
    {
        public static int Size => 2;

        public static float Single(byte* at) => (float)*(Half*)at;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Eight(byte* at) => HalfScales.Load((ushort*)at);
    }
}
