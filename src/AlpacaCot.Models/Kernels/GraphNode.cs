using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// Nodes of our own in the graph. TorchSharp's managed objects pin tensors that the engine itself would let go; these two see to
/// it that a node pins nothing longer than it is used. A backward function also disposes the gradient it is given.
/// </summary>
internal static class GraphNode
{
    [ThreadStatic]
    private static List<Tensor>? _last;

    /// <summary>
    /// The output of a node, without what recording it made: TorchSharp keeps an empty tensor of the output's size in each node.
    /// </summary>
    /// <param name="apply">Calls <c>apply</c> of the function.</param>
    public static Tensor Of(Func<Tensor> apply)
    {
        using var scope = NewDisposeScope();
        return apply().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The result of a backward function. It is pinned until it is disposed, while the engine holds its own reference, so the next
    /// node's result disposes it.
    /// </summary>
    public static List<Tensor> Gradients(params ReadOnlySpan<Tensor?> gradients)
    {
        if (_last is not null) foreach (var old in _last) old?.Dispose();
        _last = [];
        foreach (var gradient in gradients) _last.Add(gradient?.DetachFromDisposeScope()!);
        return _last;
    }
}
