using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// What makes a block's dropout repeat. On the CPU it is the generator's state. TorchSharp gives no access to the state of
/// another device's generator, so there each block begins with a seed of its own, drawn on the host from the CPU's
/// generator: the seeds follow from that of the micro-batch, and nothing is read from the device.
/// </summary>
internal static class RandomState
{
    /// <summary>Begins a block: returns, in host memory, what <see cref="Set"/> needs to begin it again.</summary>
    public static Tensor Of(Device device)
    {
        if (device.type == TorchSharp.DeviceType.CPU) return get_rng_state();
        var seed = Tensors.Empty([1], ScalarType.Int64, CPU).random_(0, 1L << 53);
        Set(device, seed);
        return seed;
    }

    /// <summary>Begins a block again.</summary>
    public static void Set(Device device, Tensor state)
    {
        if (device.type == TorchSharp.DeviceType.CPU) set_rng_state(state);
        else manual_seed(state.item<long>());
    }
}
