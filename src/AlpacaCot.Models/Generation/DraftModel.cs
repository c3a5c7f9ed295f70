using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Generation;

/// <summary>A smaller model that proposes what a larger one may say next.</summary>
/// <param name="model">The larger one.</param>
/// <param name="draft">The smaller one.</param>
/// <param name="cache">What the smaller one has read.</param>
/// <param name="options">How tokens are chosen, as by the larger one.</param>
/// <param name="number">The sequence's number.</param>
internal sealed class DraftModel(CausalModel model, CausalModel draft, KeyValueCache cache, GenerationOptions options, int number)
{
    private readonly Sampler _chooser = new(options, number, "draft");
    private readonly int _vocabulary = Math.Min(model.Shape.Vocabulary, draft.Shape.Vocabulary); // they may be padded differently
    private readonly int _longest = (int)Math.Min(Math.Min(model.SteadyLength, draft.SteadyLength), draft.Shape.MaxPositions);

    /// <summary>What the smaller model has read.</summary>
    public KeyValueCache Cache => cache;

    /// <summary>At most so many tokens that may follow, with the distributions that they were drawn from.</summary>
    public IReadOnlyList<(int Token, Distribution From)> Propose(IReadOnlyList<int> history, int most)
    {
        var proposed = new List<(int, Distribution)>();
        List<int> all = [.. history];
        cache.Truncate(history.Count - 1); // and what was proposed last, where it did not hold
        while (proposed.Count < most && all.Count < _longest && all.Skip(cache.Length).All(id => id < _vocabulary))
            BatchedForward.Run(draft, [new ForwardRequest(cache, all[cache.Length..])], logits =>
            {
                var next = _chooser.Propose(logits[.._vocabulary], all.ToArray());
                proposed.Add(next);
                all.Add(next.Token);
            });
        return proposed;
    }
}
