using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>The SIMD kernels in C#, for fp32 tensors in host memory; each kernel with gradients is one graph node.</summary>
internal sealed class CpuKernels : IKernels
{
    public Tensor RmsNorm(Tensor x, Tensor weight, double epsilon) => RmsNormKernel.Apply(x, weight, epsilon);

    public Tensor SwiGlu(Tensor gate, Tensor up) => SwiGluKernel.Apply(gate, up);

    public Tensor Rotate(Tensor x, Tensor cos, Tensor sin, int heads, bool interleaved) =>
        RopeKernel.Apply(x, cos, sin, heads, interleaved);

    public Tensor LogProbabilities(Tensor logits, Tensor targets) => LogProbabilityKernel.Apply(logits, targets);

    public void StoreCached(CacheStore store, int layer, Tensor key, Tensor value, int first, int start, int count) =>
        CachedAttentionKernel.Store(store, layer, key, value, first, start, count);

    public void AttendCached(
        int layer, Tensor query, IReadOnlyList<CachedQuery> queries, double? softCap, float[]? slopes, Tensor result) =>
        CachedAttentionKernel.Attend(layer, query, queries, softCap, slopes, result);
}
