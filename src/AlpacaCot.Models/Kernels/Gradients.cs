using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// What a custom backward returns stays pinned by its managed object until that is disposed, while the engine holds its own
/// reference. Disposing the last node's results when the next node begins keeps gradients of activations from piling up.
/// </summary>
internal static class Gradients
{
    [ThreadStatic]
    private static List<Tensor>? last;

    /// <summary>The result of a backward function.</summary>
    public static List<Tensor> Return(params ReadOnlySpan<Tensor?> gradients)
    {
        if (last is not null) foreach (var old in last) old?.Dispose();
        last = [];
        foreach (var gradient in gradients) last.Add(gradient?.DetachFromDisposeScope()!);
        return last;
    }
}
