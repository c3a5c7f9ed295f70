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
    private readonly GenerationOptions _options;
    private readonly StoppingCriteria _ending;
    private readonly Sampler _chooser;
    private readonly PromptCache? _kept;
    private readonly KeyValueCache _cache;
    private readonly DraftModel? _drafter;
    private readonly List<int> _history, _answer = [];
    private readonly int _vocabulary;
    private IReadOnlyList<(int Token, Distribution From)> _proposed = [];

    public SequenceDecoding(
        CausalModel model, CausalModel? draft, IReadOnlyList<int> prompt, GenerationOptions options, StoppingCriteria ending, int number,
        PromptCache? kept)
    {
        (this._options, this._ending, this._kept) = (options, ending, kept);
        (_history, _vocabulary, _chooser) = ([.. prompt], model.Shape.Vocabulary, new Sampler(options, number));
        _cache = kept?.Take(model, prompt) ?? model.NewCache();
        if (draft is not null)
            _drafter = new DraftModel(model, draft, kept?.TakeDraft(draft, prompt) ?? draft.NewCache(), options, number);
        Done = options.MaxNewTokens <= 0;
    }

    public bool Done { get; private set; }

    public IReadOnlyList<int> Answer => _answer;

    public long MaxCacheTokens => _ending.LongestFrom(_history.Count) + (_drafter is null ? 0 : _options.DraftTokens);

    public int Rows => 1;

    private Span<int> History => CollectionsMarshal.AsSpan(_history);

    public IReadOnlyList<ForwardRequest> Next()
    {
        // The first pass reads the prompt alone: some models' positions depend on its length.
        var most = Math.Min(_options.DraftTokens, _ending.Left(_history.Count, _answer.Count) - 1);
        _proposed = _drafter is null || _cache.Length == 0 ? [] : _drafter.Propose(_history, most);
        return [new ForwardRequest(_cache, [.. History[_cache.Length..], .. _proposed.Select(p => p.Token)], _proposed.Count + 1)];
    }

    public void Accept(Span<float> logits)
    {
        for (var i = 0; i <= _proposed.Count && !Done; i++)
        {
            var row = logits.Slice(i * _vocabulary, _vocabulary);
            var token = i < _proposed.Count ? _chooser.Judge(row, History, _proposed[i]) : _chooser.Choose(row, History);
            Done = _ending.IsEnd(token);
            if (Done) break;
            _history.Add(token);
            _answer.Add(token);
            Done = _ending.IsReached(_history.Count, CollectionsMarshal.AsSpan(_answer));
            if (i < _proposed.Count && token != _proposed[i].Token) break;
        }
        _cache.Truncate(_history.Count - 1); // forgets the proposals that did not hold
    }

    public void Dispose()
    {
        if (_kept is not null) _kept.Keep(_cache, _drafter?.Cache);
        else
        {
            _cache.Dispose();
            _drafter?.Cache.Dispose();
        }
    }
}
