using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// Lifetime management of custom graph nodes. TorchSharp's managed objects keep tensors alive that the engine would release;
/// these methods ensure that a node keeps nothing longer than needed. A backward function must also dispose the gradient it
/// receives.
/// </summary>
internal static class GraphNode
{
    [ThreadStatic]
    private static List<Tensor>? _last;

    /// <summary>
    /// Returns the output of a node and frees the temporaries of recording it: TorchSharp keeps an empty tensor of the output's
    /// size per node.
    /// </summary>
    /// <param name="apply">Calls <c>apply</c> of the autograd function.</param>
    public static Tensor Of(Func<Tensor> apply)
    {
        using var scope = NewDisposeScope();
        return apply().MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Of"/>, for a node with several outputs.</summary>
    public static List<Tensor> All(Func<List<Tensor>> apply)
    {
        using var scope = NewDisposeScope();
        return apply().ConvertAll(output => output.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Returns the result of a backward function. TorchSharp keeps it alive until it is disposed, while the engine holds its own
    /// reference; the next node's result disposes it.
    /// </summary>
    public static List<Tensor> Gradients(params ReadOnlySpan<Tensor?> gradients)
    {
        if (_last is not null) foreach (var old in _last) old?.Dispose();
        _last = [];
        foreach (var gradient in gradients) _last.Add(gradient?.DetachFromDisposeScope()!);
        return _last;
    }
}
