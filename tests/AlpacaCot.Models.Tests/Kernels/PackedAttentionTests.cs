using System.Runtime.Intrinsics.X86;
using AlpacaCot.Models.Kernels;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static AlpacaCot.Models.Tests.Kernels.KernelCheck;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>Attention over sequences laid end to end, against the softmax written out in fp64.</summary>
public sealed class PackedAttentionTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(1, 1, 16, null, new long[] { 1 }), InlineData(2, 1, 32, null, new long[] { 5, 1, 17 })]
    [InlineData(4, 2, 64, null, new long[] { 63, 64, 65 }), InlineData(2, 2, 80, null, new long[] { 130, 3 })]
    [InlineData(6, 2, 128, null, new long[] { 300 }), InlineData(1, 1, 48, null, new long[] { 257, 128 })]
    [InlineData(2, 1, 32, 1, new long[] { 9, 70 }), InlineData(2, 1, 32, 40, new long[] { 200, 41, 40 })]
    [InlineData(4, 2, 64, 150, new long[] { 400 }), InlineData(3, 1, 256, 17, new long[] { 66, 129 })]
    public void Values_and_gradients(int heads, int groups, int width, int? window, long[] lengths)
    {
        if (!Avx512F.IsSupported) Assert.Skip("the kernel needs AVX-512");
        var n = lengths.Sum();
        Assert.True(PackedAttentionKernel.Fits(Random(1, 1, heads, n, width)));
        foreach (var strided in (bool[])[false, true]) // tokens or heads first, as a projection leaves them
        {
            Tensor Order(Tensor x) => strided ? x.transpose(1, 2).contiguous().transpose(1, 2) : x;
            Agree(i => PackedAttentionKernel.Apply(Order(i[0]), Order(i[1]), Order(i[2]), lengths, window),
                i => Plain(i[0], i[1], i[2], lengths, window), strided,
                Random(1, 1, heads, n, width), Random(2, 1, groups, n, width) * Number(2), Random(3, 1, groups, n, width));
        }
    }

    // A softmax of large logits overflows where the largest is not taken off first.
    [Fact]
    public void Large_logits()
    {
        if (!Avx512F.IsSupported) Assert.Skip("the kernel needs AVX-512");
        Agree(i => PackedAttentionKernel.Apply(i[0], i[1], i[2], [140], null), i => Plain(i[0], i[1], i[2], [140], null), false,
            Random(1, 1, 1, 140, 16) * Number(5), Random(2, 1, 1, 140, 16) * Number(5), Random(3, 1, 1, 140, 16));
    }

    [Fact]
    public void A_value_that_is_not_a_number_is_not_hidden()
    {
        if (!Avx512F.IsSupported) Assert.Skip("the kernel needs AVX-512");
        var (query, key, value) = (Random(1, 1, 1, 40, 16), Random(2, 1, 1, 40, 16), Random(3, 1, 1, 40, 16));
        key[0, 0, 7, 3] = float.NaN;
        var result = PackedAttentionKernel.Apply(query, key, value, [20, 20], null)[0]; // [40, 16]
        Assert.False(result.narrow(0, 0, 7).isnan().any().item<bool>());
        Assert.True(result.narrow(0, 7, 13).isnan().all().item<bool>());
        Assert.False(result.narrow(0, 20, 20).isnan().any().item<bool>()); // another sequence
    }

    [Fact]
    public void Shapes_that_the_kernel_leaves_to_libtorch()
    {
        Assert.False(PackedAttentionKernel.Fits(zeros(1, 2, 4, 20)));
        Assert.False(PackedAttentionKernel.Fits(zeros(1, 2, 4, 272)));
        Assert.False(PackedAttentionKernel.Fits(zeros(2, 2, 4, 16)));
        Assert.False(PackedAttentionKernel.Fits(zeros([1, 2, 4, 16], ScalarType.BFloat16)));
    }

    private static Tensor Plain(Tensor query, Tensor key, Tensor value, long[] lengths, int? window)
    {
        var groups = query.shape[1] / key.shape[1];
        var (first, parts) = (0L, new List<Tensor>());
        foreach (var length in lengths)
        {
            var (q, k, v) = (query.narrow(2, first, length), key.narrow(2, first, length).repeat_interleave(groups, 1),
                value.narrow(2, first, length).repeat_interleave(groups, 1));
            var visible = ones([length, length], ScalarType.Bool).tril();
            if (window is { } w) visible = visible.triu(1 - w);
            var logits = q.matmul(k.transpose(2, 3)) / Number(Math.Sqrt(query.shape[3]));
            parts.Add(nn.functional.softmax(logits.masked_fill(visible.logical_not(), Number(float.NegativeInfinity)), -1)
                .matmul(v).transpose(1, 2).flatten(2));
            first += length;
        }
        return cat(parts, 1);
    }
}
