using System.Runtime.InteropServices;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// One token after another, or several where a draft model's proposals hold: the model then reads them all in one pass and keeps
/// those that it agrees with (Leviathan et al., 2023; Chen et al., 2023).
/// </summary>
internal sealed class SequenceDecoding : IDecodingStrategy
{
    private readonly GenerationOptions options;
    private readonly StoppingCriteria ending;
    private readonly Sampler chooser;
    private readonly PromptCache? kept;
    private readonly KeyValueCache cache;
    private readonly DraftModel? drafter;
    private readonly List<int> history, answer = [];
    private readonly int vocabulary;
    private IReadOnlyList<(int Token, Distribution From)> proposed = [];

    public SequenceDecoding(
        CausalModel model, CausalModel? draft, IReadOnlyList<int> prompt, GenerationOptions options, StoppingCriteria ending, int number,
        PromptCache? kept)
    {
        (this.options, this.ending, this.kept) = (options, ending, kept);
        (history, vocabulary, chooser) = ([.. prompt], model.Shape.Vocabulary, new Sampler(options, number));
        cache = kept?.Take(model, prompt) ?? model.NewCache();
        if (draft is not null)
            drafter = new DraftModel(model, draft, kept?.TakeDraft(draft, prompt) ?? draft.NewCache(), options, number);
        Done = options.MaxNewTokens <= 0;
    }

    public bool Done { get; private set; }

    public IReadOnlyList<int> Answer => answer;

    public long MaxCacheTokens => ending.LongestFrom(history.Count) + (drafter is null ? 0 : options.DraftTokens);

    public int Rows => 1;

    private Span<int> History => CollectionsMarshal.AsSpan(history);

    public IReadOnlyList<ForwardRequest> Next()
    {
        // The first pass reads the prompt alone: some models' positions depend on its length.
        var most = Math.Min(options.DraftTokens, ending.Left(history.Count, answer.Count) - 1);
        proposed = drafter is null || cache.Length == 0 ? [] : drafter.Propose(history, most);
        return [new ForwardRequest(cache, [.. History[cache.Length..], .. proposed.Select(p => p.Token)], proposed.Count + 1)];
    }

    public void Accept(Span<float> logits)
    {
        for (var i = 0; i <= proposed.Count && !Done; i++)
        {
            var row = logits.Slice(i * vocabulary, vocabulary);
            var token = i < proposed.Count ? chooser.Judge(row, History, proposed[i]) : chooser.Choose(row, History);
            Done = ending.IsEnd(token);
            if (Done) break;
            history.Add(token);
            answer.Add(token);
            Done = ending.IsReached(history.Count, CollectionsMarshal.AsSpan(answer));
            if (i < proposed.Count && token != proposed[i].Token) break;
        }
        cache.Truncate(history.Count - 1); // forgets the proposals that did not hold
    }

    public void Dispose()
    {
        if (kept is not null) kept.Keep(cache, drafter?.Cache);
        else
        {
            cache.Dispose();
            drafter?.Cache.Dispose();
        }
    }
}
