#if USES_TORCH
using AlpacaCot.Models.Families;
using static TorchSharp.torch;

namespace AlpacaCot.Tests;

internal static class Losses
{
    /// <summary>The loss of supervised fine-tuning: the negative sum of the log-probabilities, a scalar in fp32.</summary>
    public static Tensor NegativeLogLikelihood(this CausalModel model, ModelInput input, Tensor positions, Tensor targets) =>
        model.LogProbabilities(input, positions, targets).sum().neg().to(ScalarType.Float32);
}
#endif
