namespace AlpacaCot.Text.Gguf;

/// <summary>A GGUF element type with the size of its blocks.</summary>
/// <param name="Id">Number of the type in the file.</param>
/// <param name="Name">Name in llama.cpp.</param>
/// <param name="BlockElements">Elements per block, 1 for unquantized types; a row is a whole number of blocks.</param>
/// <param name="BlockBytes">Bytes per block.</param>
public sealed record GgufType(uint Id, string Name, int BlockElements, int BlockBytes)
{
    /// <summary>32-bit float.</summary>
    public static readonly GgufType F32 = new(0, "F32", 1, 4);

    /// <summary>16-bit float.</summary>
    public static readonly GgufType F16 = new(1, "F16", 1, 2);

    /// <summary>bfloat16.</summary>
    public static readonly GgufType BF16 = new(30, "BF16", 1, 2);

    /// <summary>4 bits per element; 32 elements share one scale.</summary>
    public static readonly GgufType Q4 = new(2, "Q4_0", 32, 18);

    /// <summary>8 bits per element; 32 elements share one scale.</summary>
    public static readonly GgufType Q8 = new(8, "Q8_0", 32, 34);

    /// <summary>4 bits per element; 8 sub-blocks of 32 elements, with 6-bit scales and minima.</summary>
    public static readonly GgufType Q4K = new(12, "Q4_K", 256, 144);

    /// <summary>6 bits per element; 16 sub-blocks of 16 elements, with 8-bit scales.</summary>
    public static readonly GgufType Q6K = new(14, "Q6_K", 256, 210);

    /// <summary>The supported types.</summary>
    public static IReadOnlyList<GgufType> All { get; } = [F32, F16, BF16, Q4, Q8, Q4K, Q6K];

    /// <summary>Size of a tensor in bytes; null if a row is not a whole number of blocks or the size overflows.</summary>
    public long? ByteCount(ReadOnlySpan<long> shape)
    {
        if (!shape.IsEmpty && shape[^1] % BlockElements != 0) return null;
        Int128 elements = 1;
        foreach (var size in shape)
            if (size < 0 || (elements *= size) > long.MaxValue) return null;
        var bytes = elements / BlockElements * BlockBytes;
        return bytes > long.MaxValue ? null : (long)bytes;
    }
}
