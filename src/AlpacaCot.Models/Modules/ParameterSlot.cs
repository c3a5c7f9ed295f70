using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Where a weight stands in a model: what is there, and how another takes its place for a while.</summary>
/// <param name="Get">The weight.</param>
/// <param name="Put">Puts another there and gives the way back.</param>
public sealed record ParameterSlot(Func<Tensor> Get, Func<Tensor, Action> Put)
{
    /// <summary>A place that is read and set.</summary>
    public static ParameterSlot Of(Func<Tensor> get, Action<Tensor> set) => new(get, own =>
    {
        var before = get();
        set(own);
        return () => set(before);
    });
}
