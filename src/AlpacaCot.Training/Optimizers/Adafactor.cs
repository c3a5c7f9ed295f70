using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// Adafactor (Shazeer and Stern, 2018) with a given learning rate: the second moment of a matrix is stored as
/// means over rows and columns only, and updates are clipped to a root mean square of 1.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="weightDecay">Decoupled weight decay, scaled by the learning rate.</param>
/// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
public sealed class Adafactor(
    IEnumerable<KeyValuePair<string, Tensor>> parameters, double weightDecay = 0, Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (_, weight) => new AdafactorRule(weight, weightDecay));

/// <summary>The Adafactor update of one tensor.</summary>
internal sealed class AdafactorRule : UpdateRule
{
    private const double Epsilon = 1e-30; // added to squared gradients
    private const double DecayPower = -0.8; // the decay of step t is 1 - t^-0.8

    private readonly double _weightDecay;
    private readonly Tensor? _rows, _columns, _square;

    public AdafactorRule(Tensor like, double weightDecay)
    {
        var (shape, device) = (like.shape, like.device);
        this._weightDecay = weightDecay;
        if (shape.Length < 2) _square = Zeros(shape, device);
        else (_rows, _columns) = (Zeros(shape[..^1], device), Zeros([.. shape[..^2], shape[^1]], device));
    }

    public override IReadOnlyList<(string Name, Tensor Tensor)> State =>
        _square is null ? [("rows", _rows!), ("columns", _columns!)] : [("square", _square)];

    public override void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        gradient.mul_(Number(step.Scale));
        var rest = Math.Pow(step.Number, DecayPower);
        var squared = gradient.pow(Number(2)).add_(Number(Epsilon));
        Tensor update;
        if (_square is not null) update = _square.mul_(Number(1 - rest)).add_(squared, alpha: Number(rest)).rsqrt()
            .mul_(gradient);
        else
        {
            _rows!.mul_(Number(1 - rest)).add_(squared.mean([-1L]), alpha: Number(rest));
            _columns!.mul_(Number(1 - rest)).add_(squared.mean([-2L]), alpha: Number(rest));
            var byRow = (_rows / _rows.mean([-1L], keepdim: true)).rsqrt_().unsqueeze(-1);
            update = byRow * _columns.unsqueeze(-2).rsqrt() * gradient;
        }
        var root = update.pow(Number(2)).mean().sqrt();
        if (_weightDecay > 0) weight.mul_(Number(1 - step.Rate * _weightDecay));
        if (root.device_type != TorchSharp.DeviceType.CPU) // reading it would wait for the device
        {
            weight.add_(update / root.clamp_min(Number(1)), alpha: Number(-step.Rate));
            return;
        }
        var size = root.item<float>();
        weight.add_(update, alpha: Number(-step.Rate / Math.Max(1, size)));
    }
}
