using System.Diagnostics;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>
/// Speed of the quantized types on a feed-forward matrix of LLaMA-7B: quantizing, expanding, and products with 512 rows and with
/// one, compared with fp32.
/// </summary>
internal static class QuantizationBench
{
    public static void Run()
    {
        const long Outputs = 11008, Inputs = 4096;
        Libtorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var weight = randn(Outputs, Inputs);
        var (many, one) = (randn(512, Inputs), randn(1, Inputs));
        var bytes = weight.numel() * 4.0;
        Console.WriteLine($"[{Outputs}, {Inputs}], {get_num_threads()} threads; GB/s of fp32 values");
        Console.WriteLine($"{"form",-8} {"quantize",10} {"expand",10} {"512 rows",12} {"1 row",12} {"MB",8} {"max error",10}");
        var dense = new DenseMatrix(weight);
        Console.WriteLine(
            $"{"fp32",-8} {"",10} {"",10} {Time(() => dense.Product(many)) * 1e3,9:F1} ms "
                + $"{Time(() => dense.Product(one)) * 1e3,9:F2} ms "
            + $"{dense.Bytes / 1e6,8:F1}");
        foreach (var name in QuantizationOptions.Names)
        {
            var options = QuantizationOptions.Parse(name)!;
            using var matrix = options.Quantize(weight);
            var quantize = Time(() =>
            {
                using var made = options.Quantize(weight);
                return zeros(1);
            }, 3);
            Console.WriteLine($"{name,-8} {bytes / quantize / 1e9,10:F2} {bytes / Time(matrix.Expand) / 1e9,10:F2} "
                + $"{Time(() => matrix.Product(many)) * 1e3,9:F1} ms {Time(() => matrix.Product(one)) * 1e3,9:F2} ms "
                + $"{matrix.Bytes / 1e6,8:F1} {(matrix.Expand() - weight).abs().max().item<float>(),10:F3}");
        }
        using var plain = FourBitMatrix.Quantize(weight, QuantizationType.Nf4);
        Console.WriteLine(
            $"nf4 expanded by libtorch's operators: {bytes / Time(() => Plain(plain, weight.shape), 3) / 1e9:F2} GB/s");
    }

    // The same in torch operations: table look-up by index_select, then multiplication by the scales.
    private static Tensor Plain(FourBitMatrix matrix, long[] shape)
    {
        using var scope = NewDisposeScope();
        var packed = matrix.Packed.flatten().to(ScalarType.Int64);
        var codes = stack([packed.bitwise_right_shift(tensor(4)), packed.bitwise_and(tensor(15))], 1).flatten();
        var values = tensor(matrix.Table.ToArray()).index_select(0, codes).view(-1, matrix.BlockSize);
        var scales = tensor(Codebook.DynamicSigned.Values).index_select(0, matrix.Scales.to(ScalarType.Int64))
            * matrix.NestedScales!.repeat_interleave(FourBitMatrix.NestedBlock)[..(int)matrix.Scales.numel()] +
            Number(matrix.Offset);
        return (values * scales.unsqueeze(1)).view(shape).MoveToOuterDisposeScope();
    }

    private static double Time(Func<Tensor> work, int repetitions = 10)
    {
        work().Dispose();
        var best = double.MaxValue;
        for (var i = 0; i < repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            work().Dispose();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
