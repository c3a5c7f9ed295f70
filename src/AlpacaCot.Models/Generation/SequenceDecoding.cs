using System.Runtime.InteropServices;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// Decoding token by token, or speculatively with a draft model: the model processes all proposals in one pass and keeps the
/// accepted ones (Leviathan et al., 2023; Chen et al., 2023).
/// </summary>
internal sealed class SequenceDecoding : IDecodingStrategy
{
    private readonly GenerationOptions _options;
    private readonly StoppingCriteria _stopping;
    private readonly Sampler _sampler;
    private readonly PromptCache? _promptCache;
    private readonly KeyValueCache _cache;
    private readonly DraftModel? _draftModel;
    private readonly List<int> _history, _answer = [];
    private readonly int _vocabulary;
    private IReadOnlyList<(int Token, Distribution From)> _proposed = [];

    public SequenceDecoding(
        CausalModel model, CausalModel? draft, IReadOnlyList<int> prompt, GenerationOptions options, StoppingCriteria stopping,
        int number, PromptCache? promptCache)
    {
        (this._options, this._stopping, this._promptCache) = (options, stopping, promptCache);
        (_history, _vocabulary, _sampler) = ([.. prompt], model.Shape.Vocabulary, new Sampler(options, number));
        _cache = promptCache?.Take(model, prompt) ?? model.NewCache();
        if (draft is not null)
            _draftModel = new DraftModel(
                model, draft, promptCache?.TakeDraft(draft, prompt) ?? draft.NewCache(), options, number);
        Done = options.MaxNewTokens <= 0;
    }

    public bool Done { get; private set; }

    public IReadOnlyList<int> Answer => _answer;

    public long MaxCacheTokens => _stopping.LongestFrom(_history.Count) + (_draftModel is null ? 0 : _options.DraftTokens);

    public int Rows => 1;

    private Span<int> History => CollectionsMarshal.AsSpan(_history);

    public IReadOnlyList<ForwardRequest> Next()
    {
        // The first pass processes the prompt only: some models' positions depend on its length.
        var most = Math.Min(_options.DraftTokens, _stopping.Left(_history.Count, _answer.Count) - 1);
        _proposed = _draftModel is null || _cache.Length == 0 ? [] : _draftModel.Propose(_history, most);
        int[] tokens = [.. History[_cache.Length..], .. _proposed.Select(p => p.Token)];
        return [new ForwardRequest(_cache, tokens, _proposed.Count + 1)];
    }

    public void Accept(Span<float> logits)
    {
        for (var i = 0; i <= _proposed.Count && !Done; i++)
        {
            var row = logits.Slice(i * _vocabulary, _vocabulary);
            var token = i < _proposed.Count ? _sampler.Judge(row, History, _proposed[i]) : _sampler.Choose(row, History);
            Done = _stopping.IsEnd(token);
            if (Done) break;
            _history.Add(token);
            _answer.Add(token);
            Done = _stopping.IsReached(_history.Count, CollectionsMarshal.AsSpan(_answer));
            if (i < _proposed.Count && token != _proposed[i].Token) break;
        }
        _cache.Truncate(_history.Count - 1); // removes rejected proposals
    }

    public void Dispose()
    {
        if (_promptCache is not null) _promptCache.Keep(_cache, _draftModel?.Cache);
        else
        {
            _cache.Dispose();
            _draftModel?.Cache.Dispose();
        }
    }
}
