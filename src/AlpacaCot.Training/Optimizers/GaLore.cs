using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The hyperparameters of GaLore.</summary>
/// <param name="Rank">The rank of the projection.</param>
/// <param name="Interval">The number of steps between two computations of the subspace.</param>
/// <param name="Factor">The scale of the update after projection back.</param>
public sealed record GaLoreOptions(int Rank = 128, int Interval = 200, double Factor = 0.25);

/// <summary>
/// GaLore (Zhao et al., 2024): AdamW in a low-rank subspace of the gradient, recomputed at intervals, so that full
/// tuning needs small moments. Parameters other than hidden matrices use AdamW.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="adam">The hyperparameters of AdamW.</param>
/// <param name="options">The hyperparameters of GaLore.</param>
/// <param name="isHidden">Whether a matrix, by name, is a hidden weight rather than an embedding or the head; null: all
/// are.</param>
/// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
public sealed class GaLore(IEnumerable<KeyValuePair<string, Tensor>> parameters, AdamWOptions adam, GaLoreOptions options,
    Func<string, bool>? isHidden = null, Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (name, weight) =>
        weight.dim() == 2 && isHidden?.Invoke(name) != false && Math.Min(weight.shape[0], weight.shape[1]) > options.Rank
            ? new GaLoreRule(weight, adam, options) : new AdamWRule(weight, adam));

/// <summary>The GaLore update of one matrix.</summary>
internal sealed class GaLoreRule : UpdateRule
{
    private readonly AdamWOptions _adam;
    private readonly GaLoreOptions _options;
    private readonly bool _isWide;
    private readonly Tensor _projection, _mean, _square;

    public GaLoreRule(Tensor like, AdamWOptions adam, GaLoreOptions options)
    {
        var (shape, device) = (like.shape, like.device);
        (this._adam, this._options, _isWide) = (adam, options, shape[0] <= shape[1]);
        _projection = Zeros([_isWide ? shape[0] : shape[1], options.Rank], device);
        long[] small = _isWide ? [options.Rank, shape[1]] : [shape[0], options.Rank];
        (_mean, _square) = (Zeros(small, device), Zeros(small, device));
    }

    public override IReadOnlyList<(string Name, Tensor Tensor)> State =>
        [("projection", _projection), ("mean", _mean), ("square", _square)];

    public override void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        gradient.mul_(Number(step.Scale));
        if ((step.Number - 1) % _options.Interval == 0) UpdateProjection(gradient);
        var small = _isWide ? _projection.t().mm(gradient) : gradient.mm(_projection);
        _mean.mul_(Number(_adam.Beta1)).add_(small, alpha: Number(1 - _adam.Beta1));
        _square.mul_(Number(_adam.Beta2)).addcmul_(small, small, Number(1 - _adam.Beta2));
        var root = Math.Sqrt(1 - Math.Pow(_adam.Beta2, step.Number));
        var update = _mean / (_square.sqrt() / Number(root) + Number(_adam.Epsilon));
        var full = _isWide ? _projection.mm(update) : update.mm(_projection.t());
        weight.mul_(Number(1 - step.Rate * _adam.WeightDecay));
        weight.add_(full, alpha: Number(-step.Rate * _options.Factor / (1 - Math.Pow(_adam.Beta1, step.Number))));
    }

    // The leading singular vectors, on the shorter side.
    private void UpdateProjection(Tensor gradient)
    {
        var (u, _, vt) = linalg.svd(gradient, fullMatrices: false);
        _projection.copy_(_isWide ? u.narrow(1, 0, _options.Rank) : vt.narrow(0, 0, _options.Rank).t());
    }
}
