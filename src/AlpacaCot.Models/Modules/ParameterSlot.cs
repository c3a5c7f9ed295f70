using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>A replaceable weight of a model.</summary>
/// <param name="Get">Returns the current weight.</param>
/// <param name="Put">Replaces the weight and returns an action that restores the previous one.</param>
public sealed record ParameterSlot(Func<Tensor> Get, Func<Tensor, Action> Put)
{
    /// <summary>Creates a slot from a getter and a setter.</summary>
    public static ParameterSlot Of(Func<Tensor> get, Action<Tensor> set) => new(get, replacement =>
    {
        var before = get();
        set(replacement);
        return () => set(before);
    });
}
