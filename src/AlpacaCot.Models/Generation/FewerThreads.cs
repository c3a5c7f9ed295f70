using AlpacaCot.Models.Families;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// Limits libtorch to one thread while a small model generates: its products take microseconds, and synchronizing threads takes
/// many times longer when other programs use the cores. Affects the whole process until disposed.
/// </summary>
internal sealed class FewerThreads : IDisposable
{
    private const long SmallMatrix = 1 << 20; // weights

    private readonly int _before = get_num_threads();

    public FewerThreads(CausalModel model)
    {
        if (model.Linears.Values.All(layer => layer.Inputs * layer.Outputs < SmallMatrix)) set_num_threads(1);
    }

    public void Dispose() => set_num_threads(_before);
}
