using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// The key-value caches of a conversation, kept between turns: the next prompt is processed only from the first difference.
/// Belongs to one model and serves one answer at a time.
/// </summary>
public sealed class PromptCache : IDisposable
{
    private KeyValueCache? _model, _draft;

    /// <summary>The number of prompt tokens so far that were reused from the cache.</summary>
    public long Reused { get; private set; }

    /// <summary>The number of prompt tokens so far that were processed.</summary>
    public long Read { get; private set; }

    /// <summary>Returns the cache, truncated to the common prefix of the prompt and the earlier tokens.</summary>
    internal KeyValueCache Take(CausalModel of, IReadOnlyList<int> prompt)
    {
        var cache = Shared(of, ref _model, prompt);
        Reused += cache.Length;
        Read += prompt.Count - cache.Length;
        return cache;
    }

    /// <summary>As <see cref="Take"/>, for the draft model.</summary>
    internal KeyValueCache TakeDraft(CausalModel of, IReadOnlyList<int> prompt) => Shared(of, ref _draft, prompt);

    /// <summary>Stores the caches again, with the answer included.</summary>
    internal void Keep(KeyValueCache cache, KeyValueCache? ofDraft)
    {
        Dispose();
        (_model, _draft) = (cache, ofDraft);
    }

    private static KeyValueCache Shared(CausalModel of, ref KeyValueCache? stored, IReadOnlyList<int> prompt)
    {
        if (stored is not null && stored.Version != of.Version)
        {
            stored.Dispose(); // computed with another adapter
            stored = null;
        }
        var cache = stored ?? of.NewCache();
        stored = null;
        // With bidirectional context or length-dependent angles, cached values are not valid for another prompt.
        var isReusable = of.IsCausal && Math.Max(cache.Length, prompt.Count) <= of.SteadyLength;
        var shared = 0;
        while (isReusable && shared < Math.Min(cache.Length, prompt.Count - 1) && cache.Ids[shared] == prompt[shared]) shared++;
        cache.Truncate(shared); // at least the last token is processed, for its logits
        return cache;
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose()
    {
        _model?.Dispose();
        _draft?.Dispose();
        (_model, _draft) = (null, null);
    }
}
