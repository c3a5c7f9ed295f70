using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels;

/// <summary>e to the power of sixteen numbers, with a relative error of at most 2e-7.</summary>
internal static class Exponential
{
    // Below, the result rounds to 0 in fp32; above, to infinity.
    private const float Least = -104, Most = 89;

    /// <summary>exp(x) where AVX-512 is supported; minus infinity gives 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        const float log2E = 1.44269504f, high = 0.693359375f, low = -2.12194440e-4f; // high + low = ln 2
        x = Avx512F.Min(Vector512.Create(Most), Avx512F.Max(Vector512.Create(Least), x)); // of NaN both return the second
        var n = Avx512F.RoundScale(x * log2E, 0); // to the nearest integer
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-high), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-low), r); // |r| ≤ ln 2 / 2
        // exp(r) by its Taylor series: the first term left out is r⁷/5040.
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(1 / 720f), r, Vector512.Create(1 / 120f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 24f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 6f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        return Avx512F.Scale(p, n);
    }
}
