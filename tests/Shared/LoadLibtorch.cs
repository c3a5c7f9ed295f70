#if USES_TORCH
using System.Runtime.CompilerServices;

namespace AlpacaCot.Tests;

/// <summary>Tests may touch a tensor before any type of AlpacaCot: libtorch is made ready first.</summary>
internal static class LoadLibtorch
{
    [ModuleInitializer]
    internal static void Load()
    {
        Models.Runtime.Libtorch.EnsureLoaded();
        TorchSharp.torch.set_num_threads(1); // tiny models and test classes side by side: more threads only wait for each other
    }
}
#endif
