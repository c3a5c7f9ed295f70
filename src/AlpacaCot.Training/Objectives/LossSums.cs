using AlpacaCot.Models.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Objectives;

/// <summary>
/// Accumulates the losses of micro-batches and computes their means over all units. On another device than the CPU the sum stays
/// there until the means are read.
/// </summary>
internal sealed class LossSums(IObjective objective) : IDisposable
{
    private readonly List<NamedValue> _others = [];
    private double _sum;
    private Tensor? _onDevice;

    /// <summary>The number of units so far.</summary>
    public int Weight { get; private set; }

    /// <summary>Adds a micro-batch.</summary>
    public void Add(MicroBatch batch, ObjectiveLoss loss)
    {
        Weight += objective.Weight(batch);
        if (loss.Sum.device_type == DeviceType.CPU) _sum += loss.Sum.item<float>();
        else AddOnDevice(loss.Sum);
        for (var i = 0; i < loss.Others.Count; i++)
            if (i == _others.Count) _others.Add(loss.Others[i]);
            else _others[i] = _others[i] with { Value = _others[i].Value + loss.Others[i].Value };
    }

    /// <summary>The means, <c>loss</c> first; NaN without units.</summary>
    /// <param name="penalty">A loss term that does not depend on the data.</param>
    public IReadOnlyList<NamedValue> Means(double penalty)
    {
        var sum = _sum + (_onDevice?.item<double>() ?? 0);
        return [new("loss", sum / Weight + penalty), .. _others.Select(o => o with { Value = o.Value / Weight })];
    }

    /// <summary>Frees the sum on the device.</summary>
    public void Dispose() => _onDevice?.Dispose();

    private void AddOnDevice(Tensor sum)
    {
        using var quiet = no_grad();
        using var added = sum.detach().to(ScalarType.Float64);
        if (_onDevice is null) _onDevice = added.clone().DetachFromDisposeScope();
        else _onDevice.PlusInPlace(added);
    }
}
