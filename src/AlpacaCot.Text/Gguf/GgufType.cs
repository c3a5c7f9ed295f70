namespace AlpacaCot.Text.Gguf;

/// <summary>An element type of GGUF: how many elements a block has and how many bytes it takes.</summary>
/// <param name="Id">Its number in the file.</param>
/// <param name="Name">Its name in llama.cpp.</param>
/// <param name="BlockElements">Elements of a block, 1 for plain numbers; a row is a whole number of blocks.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
public sealed record GgufType(uint Id, string Name, int BlockElements, int BlockBytes)
{
    /// <summary>fp32.</summary>
    public static readonly GgufType F32 = new(0, "F32", 1, 4);

    /// <summary>fp16.</summary>
    public static readonly GgufType F16 = new(1, "F16", 1, 2);

    /// <summary>bfloat16.</summary>
    public static readonly GgufType BF16 = new(30, "BF16", 1, 2);

    /// <summary>32 elements of 4 bits with one scale.</summary>
    public static readonly GgufType Q4 = new(2, "Q4_0", 32, 18);

    /// <summary>32 elements of 8 bits with one scale.</summary>
    public static readonly GgufType Q8 = new(8, "Q8_0", 32, 34);

    /// <summary>8 runs of 32 elements of 4 bits, with 6-bit scales and minima.</summary>
    public static readonly GgufType Q4K = new(12, "Q4_K", 256, 144);

    /// <summary>16 runs of 16 elements of 6 bits, with 8-bit scales.</summary>
    public static readonly GgufType Q6K = new(14, "Q6_K", 256, 210);

    /// <summary>The types that can be read.</summary>
    public static IReadOnlyList<GgufType> All { get; } = [F32, F16, BF16, Q4, Q8, Q4K, Q6K];

    /// <summary>The bytes of a tensor of this type; null where its rows are no whole blocks or the size overflows.</summary>
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
