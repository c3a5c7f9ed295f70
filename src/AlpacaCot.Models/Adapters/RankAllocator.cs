using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// AdaLoRA's training state: the importance of every singular value, the rank budget over the steps, and the cuts (Zhang et al.,
/// 2023, section 3 and algorithm 1, with PEFT's order of operations).
/// </summary>
internal sealed class RankAllocator
{
    // The moving averages of a weight's importance |w · gradient| and of its deviation, the uncertainty.
    private sealed record Watched(string Name, Tensor Weight, Tensor Importance, Tensor Uncertainty)
    {
        public Tensor Score => Importance * Uncertainty;
    }

    private sealed record Layer(Triplet Triplet, Watched A, Watched E, Watched B, Tensor Kept);

    private readonly AdaLoraConfig _config;
    private readonly Layer[] _layers;
    private readonly Tensor _cut; // 1 after the first cut
    private int _totalSteps, _warmupSteps, _finalSteps;

    public RankAllocator(AdaLoraConfig config, IReadOnlyList<Triplet> triplets)
    {
        (this._config, _totalSteps) = (config, config.TotalSteps ?? 0);
        _layers = [.. triplets.Select(t => new Layer(t, Watch(t.Name + ".lora_A", t.A), Watch(t.Name + ".lora_E", t.E),
            Watch(t.Name + ".lora_B", t.B), ones_like(t.E, requires_grad: false).DetachFromDisposeScope()))];
        _cut = Tensors.Zeros([1], ScalarType.Float32, triplets[0].E.device).DetachFromDisposeScope();
        State = _layers.SelectMany(l => new[] { l.A, l.E, l.B }.SelectMany(w => new[]
        {
            KeyValuePair.Create($"{w.Name}.importance", w.Importance),
            KeyValuePair.Create($"{w.Name}.uncertainty", w.Uncertainty),
        }).Append(KeyValuePair.Create($"{l.Triplet.Name}.kept", l.Kept))).Append(KeyValuePair.Create("cut", _cut)).ToDictionary();
    }

    /// <summary>State, besides the weights, that a checkpoint must contain for resuming.</summary>
    public IReadOnlyDictionary<string, Tensor> State { get; }

    /// <summary>The configuration with the schedule used and the singular values kept.</summary>
    public AdaLoraConfig Config => _config with
    {
        TotalSteps = _totalSteps > 0 ? _totalSteps : null,
        WarmupSteps = _totalSteps > 0 ? _warmupSteps : _config.WarmupSteps,
        FinalSteps = _totalSteps > 0 ? _finalSteps : _config.FinalSteps,
        Kept = _cut.item<float>() == 0 ? _config.Kept : _layers.ToDictionary(l => $"{l.Triplet.Name}.lora_E",
            l => (IReadOnlyList<bool>)[.. l.Kept.cpu().data<float>().Select(k => k != 0)]),
    };

    /// <summary>The triplets' tensors without the pruned singular values.</summary>
    public IEnumerable<(string, Tensor)> Saved()
    {
        foreach (var (t, _, _, _, kept) in _layers)
        {
            var ranks = kept.flatten().nonzero().flatten();
            yield return ($"{t.Name}.lora_A", t.A.index_select(0, ranks));
            yield return ($"{t.Name}.lora_B", t.B.index_select(1, ranks));
            yield return ($"{t.Name}.lora_E", t.E.index_select(0, ranks));
        }
    }

    /// <summary>Sets the number of optimizer steps of the run.</summary>
    public void Begin(int steps)
    {
        _totalSteps = _config.TotalSteps ?? steps;
        (_warmupSteps, _finalSteps) = (_config.WarmupSteps ?? _totalSteps / 10, _config.FinalSteps ?? _totalSteps / 5);
        if (_totalSteps <= _warmupSteps + _finalSteps)
            throw new InputException($"AdaLoRA cuts ranks between its first {_warmupSteps} and last {_finalSteps} steps, but " +
                $"the run has only {_totalSteps}: lower adapter.warmup_steps or adapter.final_steps, or train longer.");
    }

    /// <summary>The orthogonality penalty: the mean of ‖A Aᵀ - I‖ and ‖Bᵀ B - I‖ over all layers, weighted.</summary>
    public Tensor Penalty()
    {
        var distances = _layers.Select(l => l.Triplet)
            .SelectMany(t => new[] { t.A.matmul(t.A.t()), t.B.t().matmul(t.B) })
            .Select(square => (square - Identity(square)).norm()).ToArray();
        return stack(distances).mean() * Number(_config.Orthogonality);
    }

    /// <summary>
    /// Performs an optimizer step, updates the importance from the gradients, and prunes when the schedule requires it.
    /// </summary>
    public void Step(int step, double scale, Action optimize)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var watched = _layers.SelectMany(l => new[] { l.A, l.E, l.B }).ToList();
        var gradients = watched.Select(w => w.Weight.grad).ToList();
        optimize();
        if (_totalSteps == 0) return;
        var last = _totalSteps - _finalSteps;
        if (step <= last)
        {
            foreach (var (weight, gradient) in watched.Zip(gradients)) Update(weight, gradient, scale);
            if (step == last || step > _warmupSteps && step % _config.Interval == 0) Cut(Budget(step));
        }
        if (step == last)
            foreach (var w in watched)
            {
                w.Importance.zero_();
                w.Uncertainty.zero_();
            }
        if (step > last) foreach (var layer in _layers) layer.Triplet.E.mul_(layer.Kept);
    }

    private void Update(Watched w, Tensor? gradient, double scale)
    {
        if (gradient is null) return;
        var now = (w.Weight * gradient * Number(scale)).abs();
        w.Importance.mul_(Number(_config.Beta1)).add_(now, alpha: Number(1 - _config.Beta1));
        w.Uncertainty.mul_(Number(_config.Beta2)).add_((now - w.Importance).abs(), alpha: Number(1 - _config.Beta2));
    }

    private static Tensor Identity(Tensor like) => Tensors.Identity(like.shape[0], like.shape[0], like.dtype, like.device);

    private int Budget(int step)
    {
        var (start, end) = (_layers.Length * _config.StartRank, _layers.Length * _config.TargetRank);
        if (step >= _totalSteps - _finalSteps) return end;
        var left = 1 - (double)(step - _warmupSteps) / (_totalSteps - _finalSteps - _warmupSteps);
        return (int)((start - end) * left * left * left + end);
    }

    private void Cut(int budget)
    {
        var scores = _layers.Select(l => (l.E.Score.flatten().Plus(l.A.Score.mean([1])).Plus(l.B.Score.mean([0]))).unsqueeze(1))
            .ToList(); // [r, 1]
        var all = cat(scores).flatten();
        var dropped = all.shape[0] - budget;
        if (dropped <= 0) return;
        var threshold = all.kthvalue(dropped, 0).values;
        foreach (var (layer, score) in _layers.Zip(scores))
        {
            layer.Kept.copy_(score > threshold);
            layer.Triplet.E.mul_(layer.Kept);
        }
        _cut.fill_(Number(1));
    }

    private static Watched Watch(string name, Tensor weight) => new(name, weight,
        zeros_like(weight, requires_grad: false).DetachFromDisposeScope(),
        zeros_like(weight, requires_grad: false).DetachFromDisposeScope());
}
