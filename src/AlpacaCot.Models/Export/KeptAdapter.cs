using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>
/// Checks that a written model contains the adapter. Logits alone cannot tell: rounding to 8 or 16 bits moves them more than
/// a small adapter does. Each weight that the adapter changes is compared with the adapted weight and with the bare base's.
/// <para>
/// With Δ the adapter's change and E the difference of the written weight from the base, the kept part is
/// <c>⟨E, Δ⟩ / ⟨Δ, Δ⟩</c>: 1 for an adapter that was kept, 0 for one that was lost. Above 1/2 the written weight is nearer to
/// the adapted one than to the base. Rounding errors do not depend on Δ, so they average out over a weight's values.
/// </para>
/// </summary>
internal static class KeptAdapter
{
    private const double Half = 0.5, Deviations = 3;

    /// <summary>Compares a reopened model with the adapted model that it was written from.</summary>
    /// <param name="adapted">The model with the adapter.</param>
    /// <param name="written">The reopened model.</param>
    /// <param name="rounding">
    /// The largest relative error of rounding a weight of this name; null where a block of weights is rounded together.
    /// </param>
    /// <exception cref="InputException">The adapter, or its change of one weight, is missing.</exception>
    public static void Require(CausalModel adapted, CausalModel written, Func<string, double?> rounding)
    {
        using var quiet = no_grad();
        var all = new Share(0, 0, 0);
        foreach (var changed in ModelWeights.Changed(adapted))
        {
            using var scope = NewDisposeScope();
            var (after, before) = (Wide(changed.Make()), Wide(changed.Before()));
            var found = Found(written, changed.Name) is { } stored ? Wide(stored)
                : throw Lost(changed.Name, "the written model has no such weight");
            if (!found.shape.SequenceEqual(after.shape)) throw Lost(changed.Name, "the written weight has another shape");
            var share = Share.Of(before, after, found);
            all += share;
            if (rounding(changed.Name) is { } bound)
            {
                if (!IsWithin(found, after, bound))
                    throw Lost(changed.Name, "the written weight differs from the adapted one by more than rounding");
            }
            else if (share.IsLost) throw Lost(changed.Name, "the written weight is nearer to the base than to the adapted one");
        }
        if (all.IsLost)
            throw new InputException("The adapter's changes are smaller than the rounding of the written type: the written " +
                "model is nearer to the base than to the adapted model. Nothing was written; write float32, or use the adapter "
                    + "with --adapter.");
    }

    private static Tensor? Found(CausalModel model, string name)
    {
        var module = name[..name.LastIndexOf('.')];
        if (name.EndsWith(".weight", StringComparison.Ordinal) && model.Linears.TryGetValue(module, out var layer))
            return layer.AsStored(layer.Values());
        return model.Slots.GetValueOrDefault(name)?.Get();
    }

    private static Tensor Wide(Tensor weight) => weight.detach().cpu().to(ScalarType.Float32);

    private static bool IsWithin(Tensor found, Tensor after, double bound)
    {
        const double smallest = 6e-8; // fp16's smallest step
        var least = Math.Max(smallest, 1e-7 * after.abs().max().item<float>());
        var allowed = (after.abs() * Number(bound)).clamp_min(Number(least));
        return (found - after).abs().le(allowed).all().item<bool>();
    }

    private static InputException Lost(string name, string how) => new(
        $"The adapter's change of {name} is missing in the written model: {how}. Nothing was written; please report this.");

    /// <summary>Sums over the values of weights: ⟨E, Δ⟩, ⟨Δ, Δ⟩, and the variance of the first that rounding causes.</summary>
    private readonly record struct Share(double Kept, double Whole, double Variance)
    {
        public bool IsLost => Whole > 0 && Kept / Whole + Deviations * Math.Sqrt(Variance) / Whole < Half;

        public static Share Of(Tensor before, Tensor after, Tensor found)
        {
            var change = (after - before).to(ScalarType.Float64);
            var (error, moved) = ((found - after).to(ScalarType.Float64), (found - before).to(ScalarType.Float64));
            return new((moved * change).sum().item<double>(), (change * change).sum().item<double>(),
                ((error * change) * (error * change)).sum().item<double>());
        }

        public static Share operator +(Share a, Share b) => new(a.Kept + b.Kept, a.Whole + b.Whole, a.Variance + b.Variance);
    }
}
