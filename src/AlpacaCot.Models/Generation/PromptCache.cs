using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// What a model has read of a conversation, kept from turn to turn: the next prompt is read only from where it differs. Belongs
/// to one model, and serves one answer at a time.
/// </summary>
public sealed class PromptCache : IDisposable
{
    private KeyValueCache? _model, _draft;

    /// <summary>Tokens of all prompts so far that were not read again.</summary>
    public long Reused { get; private set; }

    /// <summary>Tokens of all prompts so far that were read.</summary>
    public long Read { get; private set; }

    /// <summary>The cache of the beginning that the prompt shares with what was read before.</summary>
    internal KeyValueCache Take(CausalModel of, IReadOnlyList<int> prompt)
    {
        var cache = Shared(of, ref _model, prompt);
        Reused += cache.Length;
        Read += prompt.Count - cache.Length;
        return cache;
    }

    /// <summary>The same for the draft model.</summary>
    internal KeyValueCache TakeDraft(CausalModel of, IReadOnlyList<int> prompt) => Shared(of, ref _draft, prompt);

    /// <summary>Takes back what was taken, with the answer.</summary>
    internal void Keep(KeyValueCache cache, KeyValueCache? ofDraft)
    {
        Dispose();
        (_model, _draft) = (cache, ofDraft);
    }

    private static KeyValueCache Shared(CausalModel of, ref KeyValueCache? kept, IReadOnlyList<int> prompt)
    {
        if (kept is not null && kept.Version != of.Version)
        {
            kept.Dispose(); // read with another adapter
            kept = null;
        }
        var cache = kept ?? of.NewCache();
        kept = null;
        // A context that looks ahead, or angles that depend on the length, are another's.
        var serves = of.IsCausal && Math.Max(cache.Length, prompt.Count) <= of.SteadyLength;
        var shared = 0;
        while (serves && shared < Math.Min(cache.Length, prompt.Count - 1) && cache.Ids[shared] == prompt[shared]) shared++;
        cache.Truncate(shared); // at least the last token is read: its logits are wanted
        return cache;
    }

    /// <summary>Forgets everything.</summary>
    public void Dispose()
    {
        _model?.Dispose();
        _draft?.Dispose();
        (_model, _draft) = (null, null);
    }
}
