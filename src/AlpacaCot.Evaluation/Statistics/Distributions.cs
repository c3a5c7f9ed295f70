namespace AlpacaCot.Evaluation.Statistics;

/// <summary>Distribution functions and quantiles of the normal distribution and of Student's t.</summary>
public static class Distributions
{
    /// <summary>Cumulative distribution function of the standard normal distribution.</summary>
    public static double NormalBelow(double x) => 0.5 * Erfc(-x / Math.Sqrt(2));

    /// <summary>
    /// Quantile of the standard normal distribution at <paramref name="p"/>: Acklam's rational approximation, refined to
    /// double precision by one step of Halley's method.
    /// </summary>
    public static double NormalQuantile(double p)
    {
        if (p <= 0) return double.NegativeInfinity;
        if (p >= 1) return double.PositiveInfinity;
        if (p > 0.5) return -NormalQuantile(1 - p);
        double x;
        if (p < 0.02425)
        {
            var q = Math.Sqrt(-2 * Math.Log(p));
            x = (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734) * q
                + 4.374664141464968) * q + 2.938163982698783)
                / ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416) * q +
                    1);
        }
        else
        {
            var (q, r) = (p - 0.5, (p - 0.5) * (p - 0.5));
            x = (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r
                + 1.383577518672690e+02) * r - 3.066479806614716e+01) * r + 2.506628277459239) * q
                / (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r
                + 6.680131188771972e+01) * r - 1.328068155288572e+01) * r + 1);
        }
        var error = (NormalBelow(x) - p) * Math.Sqrt(2 * Math.PI) * Math.Exp(x * x / 2);
        return x - error / (1 + x * error / 2);
    }

    /// <summary>Cumulative distribution function of Student's t.</summary>
    public static double StudentBelow(double t, double degrees)
    {
        var tail = 0.5 * RegularizedBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
        return t > 0 ? 1 - tail : tail;
    }

    /// <summary>Quantile of Student's t at <paramref name="p"/>, by bisection.</summary>
    public static double StudentQuantile(double p, double degrees)
    {
        if (p < 0.5) return -StudentQuantile(1 - p, degrees);
        var (low, high) = (0.0, 1.0);
        while (StudentBelow(high, degrees) < p && high < 1e12) high *= 2;
        for (var i = 0; i < 200 && high - low > 1e-13 * high; i++)
            if (StudentBelow((low + high) / 2, degrees) < p) low = (low + high) / 2;
            else high = (low + high) / 2;
        return (low + high) / 2;
    }

    // Power series for small arguments, continued fraction (Lentz) for large ones.
    private static double Erfc(double x)
    {
        if (x < 0) return 2 - Erfc(-x);
        if (x < 2.5)
        {
            var (term, sum) = (x, x);
            for (var n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum) && n < 200; n++) sum += (term *= -x * x / n) / (2 * n + 1);
            return 1 - 2 / Math.Sqrt(Math.PI) * sum;
        }
        var fraction = x;
        for (var n = 80; n > 0; n--) fraction = x + n / 2.0 / fraction;
        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / fraction;
    }

    // Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), modified Lentz.
    private static double RegularizedBeta(double x, double a, double b)
    {
        if (x <= 0) return 0;
        if (x >= 1) return 1;
        if (x > (a + 1) / (a + b + 2)) return 1 - RegularizedBeta(1 - x, b, a);
        var front = Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * Math.Log(x) + b * Math.Log(1 - x)) / a;
        var (f, c, d) = (1.0, 1.0, 0.0);
        for (var i = 0; i <= 400; i++)
        {
            var m = i / 2;
            var numerator = i == 0 ? 1 : i % 2 == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            d = 1 / (1 + numerator * d is var below && Math.Abs(below) < 1e-300 ? 1e-300 : below);
            c = 1 + numerator / c is var above && Math.Abs(above) < 1e-300 ? 1e-300 : above;
            f *= c * d;
            if (Math.Abs(1 - c * d) < 1e-15) break;
        }
        return front * (f - 1);
    }

    // Stirling's series, shifted to arguments where it reaches double precision.
    private static double LogGamma(double x)
    {
        var shift = 0.0;
        for (; x < 12; x++) shift -= Math.Log(x);
        var inverse = 1 / (x * x);
        return shift + (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI)
            + (1.0 / 12 - inverse * (1.0 / 360 - inverse * (1.0 / 1260 - inverse / 1680))) / x;
    }
}
