using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>fp16 numbers to fp32, eight at once, by shifting the bits into place: .NET has no instruction for it.</summary>
internal static unsafe class HalfScales
{
    private const float BiasDifference = 5.192296858534828e33f; // 2^112: fp32 counts exponents from 127, fp16 from 15

    /// <summary>Eight numbers. Infinities and NaN become what is as useless, numbers from 65536 on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(ushort* at)
    {
        var half = Vector128.Load(at);
        var wide = Vector256.Create(Vector128.WidenLower(half), Vector128.WidenUpper(half));
        var amount = ((wide & Vector256.Create(0x7fffu)) << 13).AsSingle() * Vector256.Create(BiasDifference);
        return (amount.AsUInt32() | ((wide & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }
}
