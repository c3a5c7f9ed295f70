using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>An element type of the safetensors format.</summary>
/// <param name="Name">Its name in the header.</param>
/// <param name="Bits">The size of an element in bits.</param>
/// <param name="DType">The tensor type; null where libtorch's binding has none.</param>
/// <param name="Expansion">The table from fp8 bytes to bfloat16 bits; null for other types.</param>
internal sealed record SafetensorsType(string Name, int Bits, ScalarType? DType, ushort[]? Expansion = null)
{
    /// <summary>
    /// Every type, in the reference library's order: files store later types first, which keeps all data aligned.
    /// </summary>
    public static readonly IReadOnlyList<SafetensorsType> All =
    [
        new("BOOL", 8, ScalarType.Bool),
        new("F4", 4, null),
        new("F6_E2M3", 6, null),
        new("F6_E3M2", 6, null),
        new("U8", 8, ScalarType.Byte),
        new("I8", 8, ScalarType.Int8),
        new("F8_E5M2", 8, null, Fp8.E5M2),
        new("F8_E4M3", 8, null, Fp8.E4M3),
        new("F8_E8M0", 8, null),
        new("I16", 16, ScalarType.Int16),
        new("U16", 16, null),
        new("F16", 16, ScalarType.Float16),
        new("BF16", 16, ScalarType.BFloat16),
        new("I32", 32, ScalarType.Int32),
        new("U32", 32, null),
        new("F32", 32, ScalarType.Float32),
        new("C64", 64, ScalarType.ComplexFloat32),
        new("F64", 64, ScalarType.Float64),
        new("I64", 64, ScalarType.Int64),
        new("U64", 64, null),
    ];

    private static readonly Dictionary<string, SafetensorsType> ByName = All.ToDictionary(t => t.Name);

    /// <summary>The type with a header name; null for an unknown name.</summary>
    public static SafetensorsType? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The type of a tensor, with its index in <see cref="All"/>; null for an unsupported type.</summary>
    public static (SafetensorsType Type, int Order)? Find(ScalarType dtype)
    {
        for (var i = 0; i < All.Count; i++)
            if (All[i].DType == dtype) return (All[i], i);
        return null;
    }
}
