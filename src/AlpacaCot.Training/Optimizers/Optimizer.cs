using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The scalars of one update.</summary>
/// <param name="Number">The number of updates of the run, this one included.</param>
/// <param name="Rate">The learning rate of the weight.</param>
/// <param name="Scale">The factor on the gradient.</param>
public readonly record struct UpdateStep(long Number, double Rate, double Scale);

/// <summary>The update rule of one weight, with its state.</summary>
public abstract class UpdateRule : IDisposable
{
    /// <summary>The state tensors by name; the same tensors for the lifetime of the rule.</summary>
    public abstract IReadOnlyList<(string Name, Tensor Tensor)> State { get; }

    /// <summary>Updates the weight in place; called without gradient recording.</summary>
    /// <param name="weight">fp32, contiguous.</param>
    /// <param name="gradient">fp32, contiguous; may be overwritten.</param>
    /// <param name="step">The number, learning rate and gradient scale of the update.</param>
    public abstract void Update(Tensor weight, Tensor gradient, UpdateStep step);

    /// <summary>Disposes the state.</summary>
    public void Dispose()
    {
        foreach (var (_, tensor) in State) tensor.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Zeros that outlive the dispose scope.</summary>
    protected static Tensor Zeros(long[] shape, Device device, ScalarType type = ScalarType.Float32) =>
        Tensors.Zeros(shape, type, device).DetachFromDisposeScope();
}

/// <summary>
/// An optimizer: a rule for each trained weight, the norm of all gradients, and a state that can be saved and restored.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private sealed record Slot(string Name, Tensor Weight, double RateFactor, UpdateRule Rule);

    private readonly Slot[] _slots;

    /// <summary>Creates an optimizer of named fp32 leaf tensors.</summary>
    /// <param name="parameters">The trained tensors by name.</param>
    /// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
    /// <param name="rule">Creates the update rule of a tensor.</param>
    protected Optimizer(IEnumerable<KeyValuePair<string, Tensor>> parameters, Func<string, double>? rateFactor,
        Func<string, Tensor, UpdateRule> rule) =>
        _slots = [.. parameters.Select(p => new Slot(p.Key, p.Value, rateFactor?.Invoke(p.Key) ?? 1, rule(p.Key, p.Value)))];

    /// <summary>The number of updates so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The state tensors by name: <c>NAME.mean</c>, <c>NAME.square</c>, ...</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State =>
        _slots.SelectMany(slot => slot.Rule.State.Select(part => ($"{slot.Name}.{part.Name}", part.Tensor)));

    /// <summary>Restores a saved state.</summary>
    /// <param name="steps">The number of updates so far.</param>
    /// <param name="saved">Returns a saved tensor by its name in <see cref="State"/>; it is disposed.</param>
    public void Restore(long steps, Func<string, Tensor> saved)
    {
        Steps = steps;
        foreach (var (name, tensor) in State)
        {
            using var source = saved(name);
            using var moved = Tensors.On(source, tensor.device);
            tensor.copy_(moved);
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

    /// <summary>As <see cref="GradientNorm"/>, as a scalar on the device of the gradients, without waiting for it.</summary>
    internal Tensor GradientNormOnDevice(double scale)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        List<Tensor> norms = [.. _slots.Select(Gradient).OfType<Tensor>().Select(gradient => gradient.detach().norm())];
        return stack(norms).norm().mul_(Number(scale)).MoveToOuterDisposeScope();
    }

    /// <summary>Multiplies the gradients by a scalar on their device.</summary>
    internal void ScaleGradients(Tensor factor)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var slot in _slots) slot.Weight.grad?.mul_(factor);
    }

    /// <summary>Performs one update; gradients are multiplied by <paramref name="scale"/> and cleared afterwards.</summary>
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

    /// <summary>Clears the gradients.</summary>
    public void Clear()
    {
        foreach (var slot in _slots)
        {
            using var gradient = slot.Weight.grad;
            if (gradient is not null) slot.Weight.grad = null;
        }
    }

    /// <summary>Disposes the state.</summary>
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
