namespace AlpacaCot.Models.Modules;

/// <summary>
/// The purpose of a forward pass. It selects the arithmetic; recording of gradients is controlled by libtorch (<c>no_grad</c>)
/// and does not change any result.
/// </summary>
public enum PassMode
{
    /// <summary>
    /// As <see cref="Training"/>, without dropout and noise: losses and scores are comparable with those of training.
    /// </summary>
    Evaluation,

    /// <summary>With dropout and noise; quantized matrices are expanded, as in their backward pass.</summary>
    Training,

    /// <summary>
    /// With fast inference products: quantized codes and small batches are multiplied without expanding the weights.
    /// </summary>
    Generation,
}
