using AlpacaCot.Models.Runtime;

namespace AlpacaCot.Models.Calibration;

/// <summary>The stored form of a frozen matrix, as far as the speed of its products depends on it.</summary>
public enum WeightForm
{
    /// <summary>fp32.</summary>
    Float32,

    /// <summary>bf16 or fp16.</summary>
    Half,

    /// <summary>8-bit codes.</summary>
    Int8,

    /// <summary>4-bit codes.</summary>
    FourBit,
}

/// <summary>The measured time of the two products of a frozen matrix: for each weight a fixed part and one for each
/// row.</summary>
/// <param name="Form">The stored form.</param>
/// <param name="Arithmetic">The arithmetic of the products.</param>
/// <param name="Weights">The weights of the measured matrix.</param>
/// <param name="Forward">Seconds for each weight of <c>x Wᵀ</c>, independent of the rows of x.</param>
/// <param name="ForwardRow">Seconds for each weight and row of x.</param>
/// <param name="Backward">Seconds for each weight of <c>y W</c>, independent of the rows of y.</param>
/// <param name="BackwardRow">Seconds for each weight and row of y.</param>
public sealed record ProductTime(WeightForm Form, Arithmetic Arithmetic, long Weights, double Forward, double ForwardRow,
    double Backward, double BackwardRow)
{
    /// <summary>The rate of both products with many rows, in operations a second.</summary>
    public double Rate => 4 / (ForwardRow + BackwardRow);

    internal bool IsValid => Weights > 0 && new[] { Forward, Backward }.All(s => double.IsFinite(s) && s >= 0)
        && new[] { ForwardRow, BackwardRow }.All(s => double.IsFinite(s) && s > 0);

    /// <summary>The time of one product.</summary>
    public double Seconds(long weights, double rows, bool backward) =>
        weights * (backward ? Backward + rows * BackwardRow : Forward + rows * ForwardRow);
}

/// <summary>The measured speed of a machine: products of frozen matrices in each form and arithmetic, and memory.</summary>
/// <param name="Machine">What was measured: processor, threads, libtorch and this program.</param>
/// <param name="Path">The library of fp32 products.</param>
/// <param name="PathRates">The rate of a large fp32 product by each available library, in operations a second.</param>
/// <param name="CopyRate">Bytes a second of copying memory, read and written bytes together.</param>
/// <param name="Products">The times by form, arithmetic and size.</param>
public sealed record MachineCalibration(string Machine, Float32Path Path, IReadOnlyDictionary<Float32Path, double> PathRates,
    double CopyRate, IReadOnlyList<ProductTime> Products)
{
    /// <summary>Each arithmetic must be so many times as fast as a more exact one to be preferred to it.</summary>
    private const double Advantage = 1.1;

    /// <summary>The time of a product with a frozen matrix, interpolated between the measured sizes.</summary>
    /// <param name="form">The stored form.</param>
    /// <param name="arithmetic">The arithmetic.</param>
    /// <param name="weights">The weights of the matrix.</param>
    /// <param name="rows">The rows of the other factor.</param>
    /// <param name="backward">Whether it is the gradient's product.</param>
    public double Seconds(WeightForm form, Arithmetic arithmetic, long weights, double rows, bool backward)
    {
        var times = Of(form, arithmetic);
        var above = times.FirstOrDefault(t => t.Weights >= weights) ?? times[^1];
        var below = times.LastOrDefault(t => t.Weights <= weights) ?? times[0];
        var (low, high) = (below.Seconds(weights, rows, backward), above.Seconds(weights, rows, backward));
        if (below.Weights >= above.Weights) return low;
        var share = Math.Log((double)weights / below.Weights) / Math.Log((double)above.Weights / below.Weights);
        return low * Math.Pow(high / low, share);
    }

    /// <summary>The rate of products with a large matrix, in operations a second.</summary>
    public double Rate(WeightForm form, Arithmetic arithmetic) => Of(form, arithmetic)[^1].Rate;

    /// <summary>
    /// The fastest arithmetic for matrices, the more exact one where the other is not at least a tenth faster. The order depends
    /// on the measurement alone.
    /// </summary>
    /// <param name="matrices">Form and weights of each frozen matrix.</param>
    /// <param name="rows">The rows of a product.</param>
    public Arithmetic Fastest(IReadOnlyList<(WeightForm Form, long Weights)> matrices, double rows)
    {
        var (best, least) = (Arithmetic.Float32, double.PositiveInfinity);
        foreach (var arithmetic in (Arithmetic[])[Arithmetic.Float32, Arithmetic.BFloat16, Arithmetic.Int8])
        {
            var seconds = matrices.Sum(m => Seconds(m.Form, arithmetic, m.Weights, rows, false)
                + Seconds(m.Form, arithmetic, m.Weights, rows, true));
            if (seconds * Advantage < least) (best, least) = (arithmetic, seconds);
        }
        return best;
    }

    internal bool IsValid => CopyRate is > 0 and < double.PositiveInfinity && PathRates.ContainsKey(Path)
        && Products.All(p => p.IsValid)
        && Enum.GetValues<WeightForm>().All(form => Enum.GetValues<Arithmetic>().All(a => Of(form, a).Length > 0));

    private ProductTime[] Of(WeightForm form, Arithmetic arithmetic) =>
        [.. Products.Where(p => p.Form == form && p.Arithmetic == arithmetic).OrderBy(p => p.Weights)];
}
