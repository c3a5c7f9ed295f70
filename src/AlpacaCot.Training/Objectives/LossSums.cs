namespace AlpacaCot.Training.Objectives;

/// <summary>Accumulates the losses of micro-batches and computes their means over all units.</summary>
internal sealed class LossSums(IObjective objective)
{
    private readonly List<NamedValue> _others = [];
    private double _sum;

    /// <summary>The number of units so far.</summary>
    public int Weight { get; private set; }

    /// <summary>Adds a micro-batch.</summary>
    public void Add(MicroBatch batch, ObjectiveLoss loss)
    {
        Weight += objective.Weight(batch);
        _sum += loss.Sum.item<float>();
        for (var i = 0; i < loss.Others.Count; i++)
            if (i == _others.Count) _others.Add(loss.Others[i]);
            else _others[i] = _others[i] with { Value = _others[i].Value + loss.Others[i].Value };
    }

    /// <summary>The means, <c>loss</c> first; NaN without units.</summary>
    /// <param name="penalty">A loss term that does not depend on the data.</param>
    public IReadOnlyList<NamedValue> Means(double penalty) =>
        [new("loss", _sum / Weight + penalty), .. _others.Select(o => o with { Value = o.Value / Weight })];
}
