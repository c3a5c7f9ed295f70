using System.Diagnostics;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Calibration;

/// <summary>Measures this machine in a few seconds. Other work only slows a product down, so the fastest of some
/// counts.</summary>
internal static class Measurement
{
    private const int FewRows = 96, ManyRows = 640;
    private const double PathAdvantage = 1.05, SecondsEach = 0.15;
    private const int FewestRuns = 2, MostRuns = 6;

    // Inputs and outputs of the matrices: those of blocks of a million, ten million, a hundred million and a billion weights.
    private static readonly (long Inputs, long Outputs)[] Sizes = [(64, 160), (256, 704), (768, 2048), (2048, 2048)];

    public static MachineCalibration Run(string machine)
    {
        using var quiet = no_grad();
        var before = Float32Products.Path;
        try
        {
            var rates = PathRates();
            var path = rates.TryGetValue(Float32Path.OneDnn, out var other) && other > rates[Float32Path.Default] * PathAdvantage
                ? Float32Path.OneDnn : Float32Path.Default;
            Float32Products.Use(path);
            return new(machine, path, rates, CopyRate(), [.. Sizes.SelectMany(size => Times(size.Inputs, size.Outputs))]);
        }
        finally
        {
            Float32Products.Use(before);
            TensorArena.Release();
        }
    }

    // Both libraries in turn. One whose error is not that of fp32 sums is left out.
    private static Dictionary<Float32Path, double> PathRates()
    {
        using var scope = NewDisposeScope();
        var (x, w) = (Numbers(ManyRows, 2048), Numbers(2048, 2048));
        var rates = new Dictionary<Float32Path, double>();
        Float32Path[] paths = IsExact(Float32Path.OneDnn) ? [Float32Path.Default, Float32Path.OneDnn] : [Float32Path.Default];
        for (var turn = 0; turn < 3; turn++)
            foreach (var path in paths)
            {
                Float32Products.Use(path);
                var seconds = Least(() => x.mm(w.t())) + Least(() => x.mm(w));
                rates[path] = Math.Max(rates.GetValueOrDefault(path), 4.0 * x.numel() * 2048 / seconds);
            }
        return rates;
    }

    private static bool IsExact(Float32Path path)
    {
        if (!Float32Products.HasOneDnn) return false;
        Float32Products.Use(path);
        return Float32Products.Error() is var (error, bound) && error <= bound;
    }

    private static double CopyRate()
    {
        using var scope = NewDisposeScope();
        // 64 MB: more than most caches
        var (from, to) = (Numbers(4096, 4096), Tensors.Empty([4096, 4096], ScalarType.Float32, CPU));
        return 2 * 4 * from.numel() / Least(() => to.copy_(from).alias());
    }

    private static IEnumerable<ProductTime> Times(long inputs, long outputs)
    {
        using var scope = NewDisposeScope();
        var weight = Numbers(outputs, inputs);
        foreach (var form in Enum.GetValues<WeightForm>())
        {
            using var matrix = Matrix(weight, form);
            foreach (var arithmetic in Enum.GetValues<Arithmetic>()) yield return Time(matrix, form, arithmetic);
        }
    }

    private static WeightMatrix Matrix(Tensor weight, WeightForm form) => form switch
    {
        WeightForm.Float32 => new DenseMatrix(weight),
        WeightForm.Half => new DenseMatrix(weight.to(ScalarType.BFloat16)),
        WeightForm.Int8 => new QuantizationOptions(QuantizationType.Int8).Quantize(weight),
        _ => new QuantizationOptions(QuantizationType.Nf4).Quantize(weight),
    };

    private static ProductTime Time(WeightMatrix matrix, WeightForm form, Arithmetic arithmetic)
    {
        using var scope = NewDisposeScope();
        using var products = FrozenProducts.Of(matrix, arithmetic);
        var weights = matrix.Inputs * matrix.Outputs;
        var (forward, forwardRow) = Line(x => products.Forward(new ProductInput(x), null), matrix.Inputs);
        var (backward, backwardRow) = Line(y => products.Backward(y, null, null), matrix.Outputs);
        return new(form, arithmetic, weights, forward, forwardRow, backward, backwardRow);

        // Seconds for each weight: those of any product, and those of each row.
        (double Fixed, double Row) Line(Func<Tensor, Tensor> product, long width)
        {
            var (few, many) = (Numbers(FewRows, width), Numbers(ManyRows, width));
            var (less, more) = (Least(() => product(few)) / weights, Least(() => product(many)) / weights);
            var row = (more - less) / (ManyRows - FewRows);
            return row > 0 && less > row * FewRows ? (less - row * FewRows, row) : (0, more / ManyRows);
        }
    }

    private static double Least(Func<Tensor> work)
    {
        work().Dispose(); // warms up
        var (least, spent) = (double.MaxValue, 0.0);
        for (var i = 0; i < MostRuns && (i < FewestRuns || spent < SecondsEach); i++)
        {
            var start = Stopwatch.GetTimestamp();
            work().Dispose();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            (least, spent) = (Math.Min(least, seconds), spent + seconds);
        }
        return least;
    }

    // The generator of the process is not touched: a measurement changes no run.
    private static Tensor Numbers(long rows, long columns)
    {
        using var scope = NewDisposeScope();
        var count = Tensors.Range(0, rows * columns, CPU, ScalarType.Float32);
        return count.mul(Scalars.Number(0.7310585786)).sin().view(rows, columns).MoveToOuterDisposeScope();
    }
}
