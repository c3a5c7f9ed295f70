using AlpacaCot.Models.Quantization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Quantization;

/// <summary>
/// Codes are expanded by libtorch in parts, on the device of the tests and in each type, to the numbers that the CPU's kernels
/// give.
/// </summary>
public sealed class DeviceExpansionTests
{
    // The ways of libtorch are those of the second device; on the CPU they run where ALPACACOT_KERNELS says so.
    [Theory]
    [InlineData("nf4", true, 96, 64), InlineData("nf4", false, 96, 64), InlineData("fp4", true, 40, 72)]
    [InlineData("nf4", true, 7, 33), InlineData("int8", false, 96, 64), InlineData("int8", false, 7, 33)]
    public void Parts_and_types(string type, bool nested, long outputs, long inputs)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var options = QuantizationOptions.Parse(type)! with { DoubleQuantization = nested };
        manual_seed(3);
        using var matrix = options.Quantize(randn([outputs, inputs]));
        var wanted = matrix.Expand().clone();
        using var moved = options.Quantize(wanted).MoveTo(TestDevice.Device);
        wanted = options.Quantize(wanted).Expand().clone();
        var before = FourBitMatrix.WeightsAtOnce;
        try
        {
            foreach (var atOnce in (long[])[64, 1000, 1 << 23])
            {
                FourBitMatrix.WeightsAtOnce = atOnce;
                Assert.Equal(0, Golden.Difference(moved.ExpandTo(ScalarType.Float32), wanted), 1e-7);
                using var narrow = moved.ExpandTo(ScalarType.BFloat16);
                Assert.Equal(ScalarType.BFloat16, narrow.dtype);
                Assert.Equal(0, Golden.Difference(narrow.to(ScalarType.Float32), wanted.to(ScalarType.BFloat16)
                    .to(ScalarType.Float32)), 1e-7);
            }
        }
        finally
        {
            FourBitMatrix.WeightsAtOnce = before;
        }
    }
}
