using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Dropout on an adapter's input, in training only.</summary>
internal static class Dropout
{
    public static Tensor? Of(Tensor x, double share, PassMode mode) =>
        share > 0 && mode == PassMode.Training ? nn.functional.dropout(x, share, training: true) : null;
}
