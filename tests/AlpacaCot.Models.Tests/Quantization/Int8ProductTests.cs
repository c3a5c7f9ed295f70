using AlpacaCot.Models.Quantization;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Quantization;

public sealed class Int8ProductTests
{
    [Fact]
    public void Many_rows_together_give_the_bits_that_each_gives_alone()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        using var matrix = Int8Matrix.Quantize(randn(24, 2100)); // wider than the whole numbers of fp32 reach at once
        var x = randn(6, 2100).clamp_(Number(-5), Number(5));    // no outliers: they are those of all rows
        x[0] = ones(2100);                                       // the largest sum: every code 127
        var alone = cat([.. Enumerable.Range(0, 6).Select(row => matrix.Product(x[row].unsqueeze(0)))]);
        var together = matrix.Product(x);
        Assert.Equal(alone.data<float>().ToArray(), together.data<float>().ToArray());
        Assert.True(together.abs().max().item<float>() > 1);
    }
}
