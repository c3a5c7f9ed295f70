using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Generation;

/// <summary>The draft model of speculative decoding: a smaller model that proposes the next tokens of a larger one.</summary>
/// <param name="model">The larger model.</param>
/// <param name="draft">The draft model.</param>
/// <param name="cache">The draft model's cache of the sequence.</param>
/// <param name="options">The sampling options, the same as the larger model's.</param>
/// <param name="number">The number of the sequence, for the random numbers.</param>
internal sealed class DraftModel(CausalModel model, CausalModel draft, KeyValueCache cache, GenerationOptions options, int number)
{
    private readonly Sampler _sampler = new(options, number, "draft");
    private readonly int _vocabulary = Math.Min(model.Shape.Vocabulary, draft.Shape.Vocabulary); // padding may differ
    private readonly int _longest = (int)Math.Min(Math.Min(model.SteadyLength, draft.SteadyLength), draft.Shape.MaxPositions);

    /// <summary>The draft model's cache of the sequence.</summary>
    public KeyValueCache Cache => cache;

    /// <summary>Proposes up to <paramref name="most"/> next tokens, each with the distribution it was drawn from.</summary>
    public IReadOnlyList<(int Token, Distribution From)> Propose(IReadOnlyList<int> history, int most)
    {
        var proposed = new List<(int, Distribution)>();
        List<int> all = [.. history];
        cache.Truncate(history.Count - 1); // removes rejected proposals as well
        while (proposed.Count < most && all.Count < _longest && all.Skip(cache.Length).All(id => id < _vocabulary))
            BatchedForward.Run(draft, [new ForwardRequest(cache, all[cache.Length..])], logits =>
            {
                var next = _sampler.Propose(logits[.._vocabulary], all.ToArray());
                proposed.Add(next);
                all.Add(next.Token);
            });
        return proposed;
    }
}
