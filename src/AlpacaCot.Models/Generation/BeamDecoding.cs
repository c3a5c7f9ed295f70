using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Generation;

/// <summary>A finished answer of beam search.</summary>
/// <param name="Tokens">The token ids of the answer, without the end token.</param>
/// <param name="Score">
/// The log-probability (natural logarithm) divided by length^(length penalty); the length includes the end token.
/// </param>
public sealed record Hypothesis(IReadOnlyList<int> Tokens, double Score);

/// <summary>
/// Beam search, and with sampling multinomial beam search, as in Hugging Face transformers: repetition rules and sampling limits
/// apply to each beam's log-probabilities; max(2, 1 + end tokens) candidates are considered per beam; finished candidates count
/// only if they rank among the first (number of beams).
/// </summary>
internal sealed class BeamDecoding : IDecodingStrategy
{
    private readonly GenerationOptions _options;
    private readonly StoppingCriteria _stopping;
    private readonly IReadOnlyList<int> _prompt;
    private readonly DeterministicRandom _random;
    private readonly int _vocabulary, _candidateCount;
    private readonly List<Hypothesis> _finished = []; // best first, at most one per beam
    private List<Beam> _beams;

    public BeamDecoding(
        CausalModel model, IReadOnlyList<int> prompt, GenerationOptions options, StoppingCriteria stopping, int number)
    {
        (this._options, this._stopping, this._prompt, _vocabulary) = (options, stopping, prompt, model.Shape.Vocabulary);
        _random = new DeterministicRandom(options.Seed).Fork($"beams {number}");
        _candidateCount = Math.Max(2, 1 + stopping.Tokens) * options.Beams;
        _beams = [new Beam(model.NewCache(), [], 0)];
        Done = options.MaxNewTokens <= 0;
    }

    public bool Done { get; private set; }

    public IReadOnlyList<int> Answer => Done && _finished.Count > 0 ? _finished[0].Tokens : [];

    /// <summary>The finished answers, best first.</summary>
    public IReadOnlyList<Hypothesis> Finished => _finished;

    public long MaxCacheTokens => _options.Beams * _stopping.LongestFrom(_prompt.Count);

    public int Rows => _options.Beams;

    public IReadOnlyList<ForwardRequest> Next() =>
        [.. _beams.Select(beam => new ForwardRequest(beam.Cache, beam.Tokens.Length == 0 ? _prompt : [beam.Tokens[^1]]))];

    public void Accept(Span<float> logits)
    {
        var candidates = new List<Candidate>();
        for (var b = 0; b < _beams.Count; b++) AddCandidates(candidates, _beams[b], logits.Slice(b * _vocabulary, _vocabulary));
        var best = Choose(candidates);

        var length = _beams[0].Tokens.Length + 1; // length of the answers with the new token
        var (open, ended) = (new List<Candidate>(), new List<Hypothesis>());
        foreach (var (rank, candidate) in best.Index())
        {
            int[] tokens = [.. candidate.From.Tokens, candidate.Token];
            var isEnd = _stopping.IsEnd(candidate.Token);
            if (!isEnd && !_stopping.IsReached(_prompt.Count + length, tokens)) open.Add(candidate);
            else if (rank < _options.Beams)
                ended.Add(new Hypothesis(isEnd ? candidate.From.Tokens : tokens,
                    candidate.Score / Math.Pow(length, _options.LengthPenalty)));
        }
        if (_options.EarlyStopping != EarlyStopping.WhenFull || _finished.Count < _options.Beams) Finish(ended);
        Continue(open);
        Done = open.Count == 0 || IsFinished(length);
    }

    // Scores are sums of natural logarithms of probabilities.
    private void AddCandidates(List<Candidate> candidates, Beam beam, Span<float> scores)
    {
        LogSoftmax(scores);
        LogitRules.Apply(scores, (int[])[.. _prompt, .. beam.Tokens], _options);
        if (_options.IsGreedy)
        {
            foreach (var token in Distribution.Of(scores, TopOnly(_candidateCount)).Tokens)
                candidates.Add(new(beam, token, beam.Score + scores[token]));
            return;
        }
        // At least one candidate must not end the answer.
        foreach (var token in Distribution.Of(scores, _options, least: Math.Max(2, 1 + _stopping.Tokens)).Tokens)
            candidates.Add(new(beam, token, beam.Score + scores[token] / _options.Temperature));
    }

    private static GenerationOptions TopOnly(int count) => new() { Greedy = false, TopK = count };

    // The best candidates, or a sample without replacement: the largest scores after adding Gumbel noise (Kool et al., 2019).
    private List<Candidate> Choose(List<Candidate> candidates)
    {
        var ranked = _options.IsGreedy
            ? candidates.OrderByDescending(c => c.Score)
            : candidates.Select(c => (Candidate: c, Key: c.Score - Math.Log(-Math.Log(Math.Max(_random.NextDouble(), 1e-300)))))
                .OrderByDescending(c => c.Key).Take(_candidateCount).Select(c => c.Candidate).OrderByDescending(c => c.Score);
        return [.. ranked.Take(_candidateCount)];
    }

    private void Finish(List<Hypothesis> ended)
    {
        _finished.AddRange(ended);
        // The sort is stable: of equal scores the older answer comes first.
        var kept = _finished.OrderByDescending(h => h.Score).Take(_options.Beams).ToList();
        _finished.Clear();
        _finished.AddRange(kept);
    }

    // The first continuation of a beam reuses its cache; further ones copy it.
    private void Continue(List<Candidate> open)
    {
        var (next, reused) = (new List<Beam>(), new HashSet<Beam>());
        foreach (var (from, token, score) in open.Take(_options.Beams))
            next.Add(new Beam(reused.Add(from) ? from.Cache : from.Cache.Fork(), [.. from.Tokens, token], score));
        foreach (var beam in _beams)
            if (!reused.Contains(beam)) beam.Cache.Dispose();
        _beams = next;
    }

    private bool IsFinished(int length)
    {
        if (_finished.Count < _options.Beams) return false;
        if (_options.EarlyStopping == EarlyStopping.WhenFull) return true;
        var longest = _options.EarlyStopping == EarlyStopping.Never && _options.LengthPenalty > 0
            ? _stopping.LongestFrom(_prompt.Count) - _prompt.Count : length;
        return _beams[0].Score / Math.Pow(longest, _options.LengthPenalty) <= _finished[^1].Score;
    }

    private static void LogSoftmax(Span<float> logits)
    {
        var max = logits[Distribution.ArgMax(logits)];
        var sum = 0.0;
        foreach (var logit in logits) sum += Math.Exp(logit - max);
        var norm = (float)(max + Math.Log(sum));
        foreach (ref var logit in logits) logit -= norm;
    }

    public void Dispose()
    {
        foreach (var beam in _beams) beam.Cache.Dispose();
    }

    private sealed record Beam(KeyValueCache Cache, int[] Tokens, double Score);

    private sealed record Candidate(Beam From, int Token, double Score);
}
