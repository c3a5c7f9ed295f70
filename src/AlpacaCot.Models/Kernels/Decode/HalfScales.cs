using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>Converts eight fp16 numbers to fp32 by shifting bits: .NET exposes no instruction for it.</summary>
internal static unsafe class HalfScales
{
    private const float BiasDifference = 5.192296858534828e33f; // 2^112: the exponent bias is 127 in fp32, 15 in fp16

    /// <summary>Loads eight numbers. Infinities and NaN become finite values from 65536 on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(ushort* at)
    {
        var half = Vector128.Load(at);
        var wide = Vector256.Create(Vector128.WidenLower(half), Vector128.WidenUpper(half));
        var magnitude = ((wide & Vector256.Create(0x7fffu)) << 13).AsSingle() * Vector256.Create(BiasDifference);
        return (magnitude.AsUInt32() | ((wide & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }
}
