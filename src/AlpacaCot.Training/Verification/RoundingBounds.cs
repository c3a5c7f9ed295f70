using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Estimates;

namespace AlpacaCot.Training.Verification;

/// <summary>The relative differences that rounding explains between two ways to compute the same step.</summary>
/// <param name="Loss">Of the loss.</param>
/// <param name="Gradient">Of the gradient, by its Euclidean norm.</param>
/// <param name="Weights">Of the trained weights, by the norm of the difference over that of the training's own change.</param>
public sealed record RoundingBounds(double Loss, double Gradient, double Weights)
{
    /// <summary>No difference at all.</summary>
    public static RoundingBounds Exact { get; } = new(0, 0, 0);

    /// <summary>
    /// The bounds of an arithmetic. Each product errs by one rounding unit relative to its result; the products of a pass err
    /// independently, so their errors add up as the square root of their number. The gradient passes through both directions.
    /// Adam divides a gradient by its magnitude, so the error of the small ones counts as much as that of the large: of the
    /// weights, about the share with gradients below the error changes direction, which adds the root of the error. The errors of
    /// the steps add up as the square root of their number too.
    /// </summary>
    /// <param name="estimate">The sizes of the model.</param>
    /// <param name="arithmetic">The arithmetic of products.</param>
    /// <param name="steps">The number of steps.</param>
    internal static RoundingBounds Of(ResourceEstimate estimate, Arithmetic arithmetic, int steps)
    {
        var (products, terms) = estimate.Work is { } work
            ? (Math.Max(1, work.Matrices.Count), Math.Max(work.Shape.Vocabulary,
                work.Matrices.Select(m => m.Weights / work.Shape.Hidden).DefaultIfEmpty(1).Max()))
            : (1, 1);
        var unit = arithmetic switch
        {
            Arithmetic.Float32 => Math.Sqrt(terms) * Math.Pow(2, -24), // sums of so many terms
            Arithmetic.BFloat16 => Math.Pow(2, -8), // two operands of 8 bits
            _ => 1.5e-2, // two operands of 8 bits whose largest number is some times the usual one
        };
        var loss = unit * Math.Sqrt((double)products * steps);
        var gradient = Math.Min(1, 4 * loss);
        return new(Math.Min(1, loss), gradient, Math.Min(1, 2 * Math.Sqrt(gradient)));
    }
}
