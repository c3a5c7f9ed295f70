using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// The state of a device's random number generator. libtorch's other CPU-hosted devices share the CPU's;
/// TorchSharp gives no access to a CUDA device's yet, so dropout under recomputation is exact on the former only.
/// </summary>
internal static class RandomState
{
    /// <summary>Returns the current state, in host memory.</summary>
    public static Tensor Of(Device device) => get_rng_state();

    /// <summary>Restores a state.</summary>
    public static void Set(Device device, Tensor state) => set_rng_state(state);
}
