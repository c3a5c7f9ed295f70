using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>What an update needs to know beside weight and gradient.</summary>
/// <param name="Number">The updates of the run, this one included.</param>
/// <param name="Rate">The learning rate of this weight.</param>
/// <param name="Scale">What its gradient is multiplied by.</param>
public readonly record struct UpdateStep(long Number, double Rate, double Scale);

/// <summary>How one weight is updated, and what is remembered of its gradients.</summary>
public abstract class UpdateRule : IDisposable
{
    /// <summary>What is remembered, by names within this weight; the same tensors for the rule's whole life.</summary>
    public abstract IReadOnlyList<(string Name, Tensor Tensor)> State { get; }

    /// <summary>One update in place, without gradients being recorded.</summary>
    /// <param name="weight">fp32, contiguous.</param>
    /// <param name="gradient">fp32, contiguous; may be overwritten.</param>
    /// <param name="step">The rest.</param>
    public abstract void Update(Tensor weight, Tensor gradient, UpdateStep step);

    /// <summary>Frees what is remembered.</summary>
    public void Dispose()
    {
        foreach (var (_, tensor) in State) tensor.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Zeros that outlive the scope they are made in.</summary>
    protected static Tensor Zeros(long[] shape, Device device, ScalarType type = ScalarType.Float32) =>
        Tensors.Zeros(shape, type, device).DetachFromDisposeScope();
}

/// <summary>
/// An optimizer: a rule for each trained weight, the norm of all gradients, and a state that can be saved and put back.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private sealed record Slot(string Name, Tensor Weight, double RateFactor, UpdateRule Rule);

    private readonly Slot[] _slots;

    /// <summary>An optimizer over named fp32 leaf tensors.</summary>
    /// <param name="parameters">They.</param>
    /// <param name="rateFactor">The factor on the learning rate of a name; null: one for all.</param>
    /// <param name="rule">The rule for each.</param>
    protected Optimizer(IEnumerable<KeyValuePair<string, Tensor>> parameters, Func<string, double>? rateFactor,
        Func<string, Tensor, UpdateRule> rule) =>
        _slots = [.. parameters.Select(p => new Slot(p.Key, p.Value, rateFactor?.Invoke(p.Key) ?? 1, rule(p.Key, p.Value)))];

    /// <summary>Updates done.</summary>
    public long Steps { get; private set; }

    /// <summary>What is remembered, by name: <c>NAME.mean</c>, <c>NAME.square</c>, ...</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State =>
        _slots.SelectMany(slot => slot.Rule.State.Select(part => ($"{slot.Name}.{part.Name}", part.Tensor)));

    /// <summary>Continues from a saved state.</summary>
    public void Restore(long steps, Func<string, Tensor> saved)
    {
        Steps = steps;
        foreach (var (name, tensor) in State)
        {
            using var source = saved(name);
            tensor.copy_(source);
        }
    }

    /// <summary>The Euclidean norm of all gradients times <paramref name="scale"/>.</summary>
    public double GradientNorm(double scale)
    {
        var total = 0.0;
        foreach (var slot in _slots)
        {
            using var gradient = Gradient(slot);
            if (gradient is not null) total += UpdateKernels.For(gradient).SumOfSquares(gradient);
        }
        return Math.Sqrt(total) * scale;
    }

    /// <summary>One update; gradients are multiplied by <paramref name="scale"/> and cleared.</summary>
    public void Step(double learningRate, double scale)
    {
        Steps++;
        using var quiet = no_grad();
        foreach (var slot in _slots)
        {
            using var scope = NewDisposeScope();
            using var gradient = Gradient(slot);
            if (gradient is not null)
                slot.Rule.Update(slot.Weight, gradient, new UpdateStep(Steps, learningRate * slot.RateFactor, scale));
        }
        Clear();
    }

    /// <summary>Forgets the gradients.</summary>
    public void Clear()
    {
        foreach (var slot in _slots)
        {
            using var gradient = slot.Weight.grad;
            if (gradient is not null) slot.Weight.grad = null;
        }
    }

    /// <summary>Frees what is remembered.</summary>
    public void Dispose()
    {
        foreach (var slot in _slots) slot.Rule.Dispose();
        GC.SuppressFinalize(this);
    }

    private static Tensor? Gradient(Slot slot)
    {
        var gradient = slot.Weight.grad;
        if (gradient is null || gradient.is_contiguous()) return gradient;
        using (gradient) return gradient.contiguous();
    }
}
