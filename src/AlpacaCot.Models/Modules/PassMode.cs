namespace AlpacaCot.Models.Modules;

/// <summary>
/// What a forward pass is for. It decides the arithmetic; whether gradients are recorded is libtorch's own switch
/// (<c>no_grad</c>) and changes no number.
/// </summary>
public enum PassMode
{
    /// <summary>As <see cref="Training"/>, without dropout and noise: losses and scores compare with those of training.</summary>
    Evaluation,

    /// <summary>With dropout and noise; quantized matrices are expanded, as their backward pass does.</summary>
    Training,

    /// <summary>With the fast products of inference: quantized codes and short rows are multiplied without expansion.</summary>
    Generation,
}
