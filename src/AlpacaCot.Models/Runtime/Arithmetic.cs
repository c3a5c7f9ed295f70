namespace AlpacaCot.Models.Runtime;

/// <summary>
/// The numbers that the products of frozen matrices are computed with in training and evaluation. Everything else stays fp32.
/// </summary>
public enum Arithmetic
{
    /// <summary>fp32 products; narrower weights are expanded.</summary>
    Float32,

    /// <summary>bf16 operands, fp32 sums; fast on processors with bf16 units only.</summary>
    BFloat16,

    /// <summary>
    /// 8-bit operands, 32-bit sums: activations and gradients are quantized row by row for each product. Columns of activations
    /// with outliers are multiplied in fp32.
    /// </summary>
    Int8,
}
