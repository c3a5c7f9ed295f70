using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>The kernels as libtorch operations with libtorch's gradients, for any device.</summary>
internal sealed class TorchKernels : IKernels
{
    public Tensor RmsNorm(Tensor x, Tensor weight, double epsilon)
    {
        var wide = Tensors.As(x, ScalarType.Float32);
        return Tensors.As(wide * (wide.pow(Number(2)).mean([-1L], keepdim: true) + Number(epsilon)).rsqrt() * weight, x.dtype);
    }

    public Tensor SwiGlu(Tensor gate, Tensor up) => nn.functional.silu(gate) * up;

    public Tensor Rotate(Tensor x, Tensor cos, Tensor sin, int heads, bool interleaved)
    {
        var (b, s, d, r) = (x.shape[0], x.shape[1], x.shape[2] / heads, cos.shape[^1]);
        var split = x.reshape(b, s, heads, d).transpose(1, 2); // [b, h, s, d]
        var rotary = split.narrow(3, 0, r);
        var (c, n) = (cos.narrow(-1, 0, r / 2), sin.narrow(-1, 0, r / 2)); // the tables contain each angle twice
        Tensor rotated;
        if (interleaved)
        {
            var pairs = rotary.unflatten(3, [r / 2, 2]); // [b, h, s, r/2, 2]
            var (first, second) = (pairs.select(4, 0), pairs.select(4, 1));
            rotated = stack([first * c - second * n, (second * c).Plus(first * n)], -1).flatten(3);
        }
        else
        {
            var (first, second) = (rotary.narrow(3, 0, r / 2), rotary.narrow(3, r / 2, r / 2));
            rotated = cat([first * c - second * n, (second * c).Plus(first * n)], -1);
        }
        rotated = Tensors.As(rotated, x.dtype); // the tables are fp32
        return r == d ? rotated : cat([rotated, split.narrow(3, r, d - r)], -1);
    }

    public Tensor LogProbabilities(Tensor logits, Tensor targets) =>
        logits.gather(1, targets.unsqueeze(1)).squeeze(1).to(ScalarType.Float64) - logits.logsumexp(1).to(ScalarType.Float64);

    public void StoreCached(CacheStore store, int layer, Tensor key, Tensor value, int first, int start, int count)
    {
        using var scope = NewDisposeScope();
        store.Tensor.select(0, 2 * layer).narrow(1, start, count).copy_(key.select(0, 0).narrow(1, first, count));
        store.Tensor.select(0, 2 * layer + 1).narrow(1, start, count).copy_(value.select(0, 0).narrow(1, first, count));
    }

    public void AttendCached(
        int layer, Tensor query, IReadOnlyList<CachedQuery> queries, double? softCap, float[]? slopes, Tensor result)
    {
        var (heads, width) = (query.shape[1], query.shape[3]);
        foreach (var cached in queries)
        {
            using var scope = NewDisposeScope();
            var groups = cached.Store.Heads;
            var count = cached.To - cached.From;
            var keys = cached.Store.Tensor.select(0, 2 * layer).narrow(1, cached.From, count); // [kv, t, d]
            var values = cached.Store.Tensor.select(0, 2 * layer + 1).narrow(1, cached.From, count);
            var q = query.select(0, 0).select(1, cached.Row).reshape(groups, heads / groups, width); // [kv, queries, d]
            var logits = Tensors.As(q.matmul(keys.transpose(1, 2)), ScalarType.Float32)
                * Number(1 / Math.Sqrt(width)); // [kv, queries, t]
            if (softCap is { } cap) logits = (logits / Number(cap)).tanh() * Number(cap);
            if (slopes is not null)
            {
                var distance = Range(
                    cached.From - cached.Position, cached.To - cached.Position, query.device, ScalarType.Float32);
                logits = logits.Plus(Tensors.Of(slopes, [groups, heads / groups, 1], query.device) * distance);
            }
            var mixed = Tensors.As(nn.functional.softmax(logits, -1), values.dtype).matmul(values); // [kv, queries, d]
            result.select(0, 0).select(0, cached.Row).copy_(mixed.flatten());
        }
    }
}
