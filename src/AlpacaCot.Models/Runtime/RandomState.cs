using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// The state of the generator that random operations on a device draw from. libtorch's other CPU-hosted devices share the CPU's;
/// TorchSharp has no access to that of a CUDA device yet, so dropout under recomputation is exact on the former only.
/// </summary>
internal static class RandomState
{
    /// <summary>The state now, in host memory.</summary>
    public static Tensor Of(Device device) => get_rng_state();

    /// <summary>Puts a state back.</summary>
    public static void Set(Device device, Tensor state) => set_rng_state(state);
}
