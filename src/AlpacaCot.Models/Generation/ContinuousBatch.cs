using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Generation;

/// <summary>How much is generated at a time.</summary>
public sealed record BatchLimits
{
    /// <summary>The most sequences in a pass; each beam is one.</summary>
    public int Sequences { get; init; } = 64;

    /// <summary>
    /// The most tokens that all caches together may come to hold, by default what fits into a quarter of this machine's memory; a
    /// prompt that needs more runs alone.
    /// </summary>
    public long? CachedTokens { get; init; }

    /// <summary>The most prompt tokens in a pass; a longer prompt is read alone.</summary>
    public long PromptTokens { get; init; } = 2048;
}

/// <summary>What a pass has added to an answer.</summary>
/// <param name="Number">The prompt's number.</param>
/// <param name="Tokens">The new tokens; beam search gives all at the end.</param>
/// <param name="Done">Whether the answer is complete.</param>
public readonly record struct TokensGenerated(int Number, IReadOnlyList<int> Tokens, bool Done);

/// <summary>
/// Generation for many prompts at once: each pass reads one token of every running sequence and the whole prompts of those that
/// join; what ends makes room for the next in line (Yu et al., 2022). Every answer is what its prompt alone would give.
/// </summary>
public sealed class ContinuousBatch : IDisposable
{
    private const int PassesBetweenTrims = 200;

    private readonly CausalModel _model;
    private readonly CausalModel? _draft;
    private readonly Tokenizer? _tokenizer;
    private readonly BatchLimits _limits;
    private readonly long _cachedTokens;
    private readonly Queue<Member> _waiting = [];
    private readonly List<Member> _running = [];
    private int _added, _passes;

    /// <summary>An empty batch.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">For stop strings and the end token, or none.</param>
    /// <param name="limits">How much is generated at a time.</param>
    /// <param name="draft">A smaller model that proposes tokens, or none.</param>
    public ContinuousBatch(CausalModel model, Tokenizer? tokenizer, BatchLimits? limits = null, CausalModel? draft = null)
    {
        (this._model, this._tokenizer, this._limits, this._draft) = (model, tokenizer, limits ?? new BatchLimits(), draft);
        var shape = model.Shape;
        _cachedTokens = this._limits.CachedTokens ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4
            / (2L * shape.Layers * shape.KeyValueHeads * shape.HeadDimension * sizeof(float));
    }

    /// <summary>Prompts that are not answered yet.</summary>
    public int Open => _waiting.Count + _running.Count;

    /// <summary>Puts a prompt in line and gives its number, counted from 0.</summary>
    /// <param name="prompt">Token ids.</param>
    /// <param name="options">How its tokens are chosen.</param>
    /// <param name="cache">What was read of the conversation before, to be used and kept; not with beams.</param>
    /// <exception cref="InputException">The prompt is empty or too long for the model, or the options mean nothing.</exception>
    public int Add(IReadOnlyList<int> prompt, GenerationOptions options, PromptCache? cache = null)
    {
        Check(_model, prompt, options);
        var ending = new StoppingCriteria(options, _tokenizer, _model.Shape.MaxPositions);
        _waiting.Enqueue(new Member(_added, prompt.Count, options.Beams > 1
            ? new BeamDecoding(_model, prompt, options, ending, _added)
            : new SequenceDecoding(_model, _draft, prompt, options, ending, _added, cache)));
        return _added++;
    }

    /// <summary>Drops a prompt, answered or not.</summary>
    public void Remove(int number)
    {
        foreach (var member in _waiting.Concat(_running).Where(m => m.Number == number)) member.IsRemoved = true;
    }

    /// <summary>One pass through the model.</summary>
    /// <returns>What it added to the answers; nothing is left to do when there are no open prompts.</returns>
    public IReadOnlyList<TokensGenerated> Advance()
    {
        Leave(m => m.IsRemoved);
        Join();
        if (_running.Count == 0) return [];
        var wishes = _running.Select(m => (Member: m, Readings: m.Decoding.Done ? [] : m.Decoding.Next())).ToArray();
        if (wishes.SelectMany(w => w.Readings).ToArray() is { Length: > 0 } readings)
            BatchedForward.Run(_model, readings, logits =>
            {
                foreach (var (member, own) in wishes)
                {
                    var size = own.Sum(r => r.LogitCount) * _model.Shape.Vocabulary;
                    if (size > 0) member.Decoding.Accept(logits[..size]);
                    logits = logits[size..];
                }
            });
        var arrivals = _running.Select(m => m.Arrive()).Where(a => a.Done || a.Tokens.Count > 0).ToArray();
        Leave(m => m.Decoding.Done);
        if (++_passes % PassesBetweenTrims == 0) Platform.TrimMemory();
        return arrivals;
    }

    /// <summary>Refuses what a model cannot continue.</summary>
    internal static void Check(CausalModel model, IReadOnlyList<int> prompt, GenerationOptions options)
    {
        options.Check();
        var limit = model.Shape.MaxPositions;
        if (prompt.Count == 0) throw new InputException("The prompt is empty: there is nothing to continue.");
        if (prompt.Count >= limit)
            throw new InputException($"The prompt has {prompt.Count} tokens; the model takes at most {limit}, answer included.");
        if (prompt.FirstOrDefault(id => id < 0 || id >= model.Shape.Vocabulary, -1) is var bad and not -1)
            throw new InputException($"Token id {bad} is outside the model's vocabulary of {model.Shape.Vocabulary}.");
    }

    // The next in line join while there is room, and one at least.
    private void Join()
    {
        var (rows, room, prompts) = (_running.Sum(m => m.Decoding.Rows), _running.Sum(m => m.Decoding.MaxCacheTokens), 0L);
        while (_waiting.TryPeek(out var next))
        {
            (rows, room, prompts) = (rows + next.Decoding.Rows, room + next.Decoding.MaxCacheTokens, prompts + next.PromptLength);
            if (_running.Count > 0 && (rows > _limits.Sequences || room > _cachedTokens || prompts > _limits.PromptTokens)) return;
            _running.Add(_waiting.Dequeue());
        }
    }

    private void Leave(Predicate<Member> which)
    {
        foreach (var member in _running.Where(m => which(m))) member.Decoding.Dispose();
        _running.RemoveAll(which);
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose()
    {
        foreach (var member in _running.Concat(_waiting)) member.Decoding.Dispose();
        _running.Clear();
        _waiting.Clear();
    }

    private sealed class Member(int number, int promptLength, IDecodingStrategy decoding)
    {
        private int _told;

        public int Number => number;

        public int PromptLength => promptLength;

        public IDecodingStrategy Decoding => decoding;

        public bool IsRemoved { get; set; }

        public TokensGenerated Arrive()
        {
            int[] arrived = [.. decoding.Answer.Skip(_told)];
            _told += arrived.Length;
            return new TokensGenerated(number, arrived, decoding.Done);
        }
    }
}
