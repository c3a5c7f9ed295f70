using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Generation;

/// <summary>Limits on the size of a batch.</summary>
public sealed record BatchLimits
{
    /// <summary>The maximum number of sequences in a pass; each beam counts as one.</summary>
    public int Sequences { get; init; } = 64;

    /// <summary>
    /// The maximum number of tokens in all caches together; null: as many as fit into a quarter of this machine's memory. A
    /// prompt that needs more runs alone.
    /// </summary>
    public long? CachedTokens { get; init; }

    /// <summary>The maximum number of prompt tokens in a pass; a longer prompt is processed alone.</summary>
    public long PromptTokens { get; init; } = 2048;
}

/// <summary>The tokens that a pass added to an answer.</summary>
/// <param name="Number">The number of the prompt, from 0.</param>
/// <param name="Tokens">The new token ids; beam search returns all of them at the end.</param>
/// <param name="Done">Whether the answer is complete.</param>
public readonly record struct TokensGenerated(int Number, IReadOnlyList<int> Tokens, bool Done);

/// <summary>
/// Continuous batching: each pass processes one token of every running sequence and the whole prompts of newly added ones, and
/// finished sequences are replaced from the queue (Yu et al., 2022). Every answer is the same as for its prompt alone.
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

    /// <summary>Creates an empty batch.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">The tokenizer, for stop strings and the end token, or null.</param>
    /// <param name="limits">Limits on the size of a batch.</param>
    /// <param name="draft">A smaller draft model for speculative decoding, or null.</param>
    public ContinuousBatch(CausalModel model, Tokenizer? tokenizer, BatchLimits? limits = null, CausalModel? draft = null)
    {
        (this._model, this._tokenizer, this._limits, this._draft) = (model, tokenizer, limits ?? new BatchLimits(), draft);
        var shape = model.Shape;
        _cachedTokens = this._limits.CachedTokens ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4
            / (2L * shape.Layers * shape.KeyValueHeads * shape.HeadDimension * sizeof(float));
    }

    /// <summary>The number of prompts without a complete answer.</summary>
    public int Open => _waiting.Count + _running.Count;

    /// <summary>Adds a prompt to the queue and returns its number, counted from 0.</summary>
    /// <param name="prompt">Token ids.</param>
    /// <param name="options">The sampling and stopping options.</param>
    /// <param name="cache">The cache of the conversation so far, which is reused and updated; not with beam search.</param>
    /// <exception cref="InputException">
    /// The prompt is empty, too long or outside the vocabulary, or an option is invalid.
    /// </exception>
    public int Add(IReadOnlyList<int> prompt, GenerationOptions options, PromptCache? cache = null)
    {
        Check(_model, prompt, options);
        var stopping = new StoppingCriteria(options, _tokenizer, _model.LongestSequence);
        _waiting.Enqueue(new Member(_added, prompt.Count, options.Beams > 1
            ? new BeamDecoding(_model, prompt, options, stopping, _added)
            : new SequenceDecoding(_model, _draft, prompt, options, stopping, _added, cache)));
        return _added++;
    }

    /// <summary>Cancels a prompt, whether or not its answer is complete.</summary>
    public void Remove(int number)
    {
        foreach (var member in _waiting.Concat(_running).Where(m => m.Number == number)) member.IsRemoved = true;
    }

    /// <summary>Runs one pass through the model.</summary>
    /// <returns>The tokens added to the answers; empty if there are no open prompts.</returns>
    public IReadOnlyList<TokensGenerated> Advance()
    {
        RemoveRunning(m => m.IsRemoved);
        AddWaiting();
        if (_running.Count == 0) return [];
        var requested = _running.Select(m => (Member: m, Requests: m.Decoding.Done ? [] : m.Decoding.Next())).ToArray();
        if (requested.SelectMany(w => w.Requests).ToArray() is { Length: > 0 } requests)
            BatchedForward.Run(_model, requests, logits =>
            {
                foreach (var (member, own) in requested)
                {
                    var size = own.Sum(r => r.LogitCount) * _model.Shape.Vocabulary;
                    if (size > 0) member.Decoding.Accept(logits[..size]);
                    logits = logits[size..];
                }
            });
        var generated = _running.Select(m => m.TakeNewTokens()).Where(a => a.Done || a.Tokens.Count > 0).ToArray();
        RemoveRunning(m => m.Decoding.Done);
        if (++_passes % PassesBetweenTrims == 0) Platform.TrimMemory();
        return generated;
    }

    /// <summary>Validates a prompt and options for a model.</summary>
    internal static void Check(CausalModel model, IReadOnlyList<int> prompt, GenerationOptions options)
    {
        options.Check();
        var limit = model.LongestSequence;
        if (prompt.Count == 0) throw new InputException("The prompt is empty; at least one token is needed.");
        if (prompt.Count >= limit)
            throw new InputException($"The prompt has {prompt.Count} tokens; the model takes at most {limit}, answer included.");
        if (prompt.FirstOrDefault(id => id < 0 || id >= model.Shape.Vocabulary, -1) is var bad and not -1)
            throw new InputException($"Token id {bad} is outside the model's vocabulary of {model.Shape.Vocabulary}.");
    }

    // Starts waiting prompts while the limits allow it, and at least one if none is running.
    private void AddWaiting()
    {
        var (rows, cacheTokens, prompts) = (_running.Sum(m => m.Decoding.Rows), _running.Sum(m => m.Decoding.MaxCacheTokens), 0L);
        while (_waiting.TryPeek(out var next))
        {
            rows += next.Decoding.Rows;
            cacheTokens += next.Decoding.MaxCacheTokens;
            prompts += next.PromptLength;
            if (_running.Count > 0
                && (rows > _limits.Sequences || cacheTokens > _cachedTokens || prompts > _limits.PromptTokens)) return;
            _running.Add(_waiting.Dequeue());
        }
    }

    private void RemoveRunning(Predicate<Member> which)
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
        private int _returned;

        public int Number => number;

        public int PromptLength => promptLength;

        public IDecodingStrategy Decoding => decoding;

        public bool IsRemoved { get; set; }

        public TokensGenerated TakeNewTokens()
        {
            int[] newTokens = [.. decoding.Answer.Skip(_returned)];
            _returned += newTokens.Length;
            return new TokensGenerated(number, newTokens, decoding.Done);
        }
    }
}
