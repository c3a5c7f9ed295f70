using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Calibration;

/// <summary>What is measured of a machine, how it is kept, and what follows from it.</summary>
[Collection(nameof(AlpacaCot.Tests.Alone))] // measures, and switches the library of all products
public sealed class CalibrationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_machine_is_measured_once_and_again_where_its_file_is_damaged_or_it_is_asked_for()
    {
        Libtorch.EnsureLoaded();
        var (store, measured) = (new CalibrationStore(_folder.Path), 0);
        var first = store.Get(begins: () => measured++);
        Assert.Equal(1, measured);
        Assert.Equal(first.Products, store.Get(begins: () => measured++).Products);
        Assert.Equal(1, measured);
        // Each form and arithmetic at each size, with rates that some processor could have.
        Assert.Equal(4 * 3 * 4, first.Products.Count);
        Assert.All(first.Products, p => Assert.InRange(p.Rate, 1e7, 1e15));
        Assert.InRange(first.CopyRate, 1e8, 1e13);
        Assert.Equal(Float32Path.Default, Float32Products.Path);

        Assert.Throws<StopException>(() => store.Get(fresh: true, begins: () => throw new StopException()));
        var file = Assert.IsType<string>(store.File);
        var whole = File.ReadAllText(file);
        foreach (var damaged in (string[])[whole[..(whole.Length / 2)], "", "null", "{}",
            whole.Replace("\"CopyRate\": ", "\"CopyRate\": -", StringComparison.Ordinal),
            whole.Replace("\"Machine\": \"", "\"Machine\": \"other ", StringComparison.Ordinal)])
        {
            File.WriteAllText(file, damaged);
            Assert.Null(store.Find());
            Assert.Throws<StopException>(() => store.Get(begins: () => throw new StopException()));
        }
        File.WriteAllText(file, whole); // control
        Assert.NotNull(store.Find());
    }

    [Theory]
    [InlineData(100, 50, 300, Arithmetic.Int8)] // rates of fp32, bf16, int8
    [InlineData(100, 350, 300, Arithmetic.BFloat16)]
    [InlineData(100, 50, 105, Arithmetic.Float32)] // not worth the rounding
    [InlineData(100, 200, 210, Arithmetic.BFloat16)]
    [InlineData(100, 20, 30, Arithmetic.Float32)]
    public void The_fastest_arithmetic_is_taken_where_it_is_a_tenth_faster(double fp32, double bf16, double int8,
        Arithmetic expected)
    {
        var machine = Machine((fp32, 0), (bf16, 0), (int8, 0));
        Assert.Equal(expected, machine.Fastest([(WeightForm.Float32, 1000), (WeightForm.Float32, 5000)], 512));
    }

    [Fact]
    public void A_fixed_cost_of_each_product_decides_with_few_rows()
    {
        var machine = Machine((100, 0), (50, 0), (300, 1e-8));
        Assert.Equal(Arithmetic.Int8, machine.Fastest([(WeightForm.FourBit, 1000)], 5000));
        Assert.Equal(Arithmetic.Float32, machine.Fastest([(WeightForm.FourBit, 1000)], 8));
    }

    [Fact]
    public void Times_are_those_measured_and_between_them_where_nothing_was()
    {
        var machine = Machine((100, 1e-10), (50, 0), (300, 0));
        double Seconds(long weights, double rows) =>
            machine.Seconds(WeightForm.Int8, Arithmetic.Float32, weights, rows, backward: false);
        Assert.Equal(1000 * (1e-10 + 7 * 2 / 100e9), Seconds(1000, 7), 1e-15);
        Assert.Equal(4000 * (1e-10 + 7 * 2 / 200e9), Seconds(4000, 7), 1e-15);
        Assert.InRange(Seconds(2000, 7), Seconds(1000, 7), Seconds(4000, 7));
        Assert.Equal(100e9, machine.Rate(WeightForm.Int8, Arithmetic.Float32) / 2, 1e-3);
    }

    [Fact]
    public void The_other_library_of_fp32_products_errs_as_fp32_does()
    {
        Libtorch.EnsureLoaded();
        if (!Float32Products.HasOneDnn) Assert.Skip("this machine does not allow it");
        try
        {
            Float32Products.Use(Float32Path.OneDnn);
            var (error, bound) = Float32Products.Error();
            Assert.InRange(error, 1e-9, bound);
            // Control: a single rounding of one factor to bf16 errs much more than the bound.
            using var scope = NewDisposeScope();
            var numbers = Tensors.Of([1.2345678f, -0.7654321f, 0.3333333f], CPU);
            var rounded = numbers.to(ScalarType.BFloat16).to(ScalarType.Float32);
            Assert.True((rounded - numbers).norm().item<float>() / numbers.norm().item<float>() > 100 * bound);
        }
        finally
        {
            Float32Products.Use(Float32Path.Default);
        }
        Assert.Equal(Float32Path.Default, Float32Products.Path);
    }

    // Two sizes; the larger one at twice the rate, in 1e9 operations a second each way.
    private static MachineCalibration Machine(params (double Rate, double Fixed)[] arithmetics) =>
        new("a machine", Float32Path.Default,
        new Dictionary<Float32Path, double> { [Float32Path.Default] = 1e11 }, 1e10,
        [.. from form in Enum.GetValues<WeightForm>()
            from arithmetic in Enum.GetValues<Arithmetic>()
            from size in (int[])[1, 2]
            let row = 2 / (arithmetics[(int)arithmetic].Rate * size * 1e9)
            let of = arithmetics[(int)arithmetic].Fixed
            select new ProductTime(form, arithmetic, size == 1 ? 1000 : 4000, of, row, of, row)]);

    private sealed class StopException : Exception;
}
