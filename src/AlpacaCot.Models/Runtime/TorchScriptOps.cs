using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Operators of libtorch that TorchSharp does not wrap, called through TorchScript. The script is constant: a TorchScript
/// compile error ends the process, so no script is created at run time.
/// </summary>
internal static class TorchScriptOps
{
    private const string Table = """
        def attend_causal(q: Tensor, k: Tensor, v: Tensor):
            return torch.scaled_dot_product_attention(q, k, v, None, 0.0, True, scale=None, enable_gqa=True)

        def attend_all(q: Tensor, k: Tensor, v: Tensor):
            return torch.scaled_dot_product_attention(q, k, v, None, 0.0, False, scale=None, enable_gqa=True)

        def attend_masked(q: Tensor, k: Tensor, v: Tensor, mask: Tensor):
            return torch.scaled_dot_product_attention(q, k, v, mask, 0.0, False, scale=None, enable_gqa=True)

        def gelu_tanh(x: Tensor):
            return torch.gelu(x, approximate="tanh")

        def int8_product(a: Tensor, b: Tensor):
            return torch._int_mm(a, b)

        def int8_product_into(a: Tensor, b: Tensor, c: Tensor):
            return torch._int_mm(a, b, out=c)

        """;

    private static readonly Lazy<jit.CompilationUnit> Compiled = new(() => jit.compile(Table));

    /// <summary>Scaled dot-product attention with grouped queries: keys and values may have fewer heads than the
    /// queries.</summary>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? mask, bool causal) => mask is null
        ? Compiled.Value.invoke<Tensor>(causal ? "attend_causal" : "attend_all", query, key, value)
        : Compiled.Value.invoke<Tensor>("attend_masked", query, key, value, mask);

    /// <summary>GELU by the tanh approximation.</summary>
    public static Tensor GeluTanh(Tensor x) => Compiled.Value.invoke<Tensor>("gelu_tanh", x);

    /// <summary>The exact product of int8 matrices in int32: <c>[n, k] [k, m] -> [n, m]</c>.</summary>
    public static Tensor Int8Product(Tensor a, Tensor b) => Compiled.Value.invoke<Tensor>("int8_product", a, b);

    /// <summary>As <see cref="Int8Product(Tensor, Tensor)"/>, into the memory of an fp32 tensor, which then holds
    /// int32.</summary>
    /// <returns>The products, a view of that memory; dispose it first.</returns>
    public static Tensor Int8Product(Tensor a, Tensor b, Tensor into)
    {
        var integers = TensorMemory.AsIntegers(into);
        Compiled.Value.invoke<Tensor>("int8_product_into", a, b, integers).Dispose();
        return integers;
    }
}
