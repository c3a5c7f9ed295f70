using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Generation;

/// <summary>An answer that beam search has found.</summary>
/// <param name="Tokens">The answer, without the end token.</param>
/// <param name="Score">Its log-probability divided by its length, end token included, to the power of the length penalty.</param>
public sealed record Hypothesis(IReadOnlyList<int> Tokens, double Score);

/// <summary>
/// Beam search, and with draws multinomial beam sampling, as Hugging Face does both: the rules on repetition and the limits of
/// draws work on each beam's log-probabilities, max(2, 1 + end tokens) candidates a beam are looked at, and those that end count
/// only among the best as many as beams.
/// </summary>
internal sealed class BeamDecoding : IDecodingStrategy
{
    private readonly GenerationOptions options;
    private readonly StoppingCriteria ending;
    private readonly IReadOnlyList<int> prompt;
    private readonly DeterministicRandom random;
    private readonly int vocabulary, look;
    private readonly List<Hypothesis> finished = []; // the best first, as many as beams
    private List<Beam> beams;

    public BeamDecoding(CausalModel model, IReadOnlyList<int> prompt, GenerationOptions options, StoppingCriteria ending, int number)
    {
        (this.options, this.ending, this.prompt, vocabulary) = (options, ending, prompt, model.Shape.Vocabulary);
        random = new DeterministicRandom(options.Seed).Fork($"beams {number}");
        look = Math.Max(2, 1 + ending.Tokens) * options.Beams;
        beams = [new Beam(model.NewCache(), [], 0)];
        Done = options.MaxNewTokens <= 0;
    }

    public bool Done { get; private set; }

    public IReadOnlyList<int> Answer => Done && finished.Count > 0 ? finished[0].Tokens : [];

    /// <summary>The finished answers, the best first.</summary>
    public IReadOnlyList<Hypothesis> Finished => finished;

    public long MaxCacheTokens => options.Beams * ending.LongestFrom(prompt.Count);

    public int Rows => options.Beams;

    public IReadOnlyList<ForwardRequest> Next() =>
        [.. beams.Select(beam => new ForwardRequest(beam.Cache, beam.Tokens.Length == 0 ? prompt : [beam.Tokens[^1]]))];

    public void Accept(Span<float> logits)
    {
        var candidates = new List<Candidate>();
        for (var b = 0; b < beams.Count; b++) AddCandidates(candidates, beams[b], logits.Slice(b * vocabulary, vocabulary));
        var best = Choose(candidates);

        var length = beams[0].Tokens.Length + 1; // of an answer with its new token
        var (open, ended) = (new List<Candidate>(), new List<Hypothesis>());
        foreach (var (rank, candidate) in best.Index())
        {
            int[] tokens = [.. candidate.From.Tokens, candidate.Token];
            var isEnd = ending.IsEnd(candidate.Token);
            if (!isEnd && !ending.IsReached(prompt.Count + length, tokens)) open.Add(candidate);
            else if (rank < options.Beams)
                ended.Add(new Hypothesis(isEnd ? candidate.From.Tokens : tokens,
                    candidate.Score / Math.Pow(length, options.LengthPenalty)));
        }
        if (options.EarlyStopping != EarlyStopping.WhenFull || finished.Count < options.Beams) Finish(ended);
        GoOn(open);
        Done = open.Count == 0 || IsContent(length);
    }

    // The scores are sums of natural logarithms.
    private void AddCandidates(List<Candidate> candidates, Beam beam, Span<float> scores)
    {
        LogSoftmax(scores);
        LogitRules.Apply(scores, (int[])[.. prompt, .. beam.Tokens], options);
        if (options.IsGreedy)
        {
            foreach (var token in Distribution.Of(scores, TopOnly(look)).Tokens)
                candidates.Add(new(beam, token, beam.Score + scores[token]));
            return;
        }
        // Beam search always keeps a token that does not end the answer.
        foreach (var token in Distribution.Of(scores, options, least: Math.Max(2, 1 + ending.Tokens)).Tokens)
            candidates.Add(new(beam, token, beam.Score + scores[token] / options.Temperature));
    }

    private static GenerationOptions TopOnly(int count) => new() { Greedy = false, TopK = count };

    // The best, or as many draws without replacement: the largest of scores to which Gumbel noise is added (Kool et al., 2019).
    private List<Candidate> Choose(List<Candidate> candidates)
    {
        var ranked = options.IsGreedy
            ? candidates.OrderByDescending(c => c.Score)
            : candidates.Select(c => (Candidate: c, Key: c.Score - Math.Log(-Math.Log(Math.Max(random.NextDouble(), 1e-300)))))
                .OrderByDescending(c => c.Key).Take(look).Select(c => c.Candidate).OrderByDescending(c => c.Score);
        return [.. ranked.Take(look)];
    }

    private void Finish(List<Hypothesis> ended)
    {
        finished.AddRange(ended);
        var kept = finished.OrderByDescending(h => h.Score).Take(options.Beams).ToList(); // a stable sort: the older of equals
        finished.Clear();
        finished.AddRange(kept);
    }

    // The first beam that follows another takes over its cache, further ones copy it.
    private void GoOn(List<Candidate> open)
    {
        var (next, taken) = (new List<Beam>(), new HashSet<Beam>());
        foreach (var (from, token, score) in open.Take(options.Beams))
            next.Add(new Beam(taken.Add(from) ? from.Cache : from.Cache.Fork(), [.. from.Tokens, token], score));
        foreach (var beam in beams)
            if (!taken.Contains(beam)) beam.Cache.Dispose();
        beams = next;
    }

    private bool IsContent(int length)
    {
        if (finished.Count < options.Beams) return false;
        if (options.EarlyStopping == EarlyStopping.WhenFull) return true;
        var longest = options.EarlyStopping == EarlyStopping.Never && options.LengthPenalty > 0
            ? ending.LongestFrom(prompt.Count) - prompt.Count : length;
        return beams[0].Score / Math.Pow(longest, options.LengthPenalty) <= finished[^1].Score;
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
        foreach (var beam in beams) beam.Cache.Dispose();
    }

    private sealed record Beam(KeyValueCache Cache, int[] Tokens, double Score);

    private sealed record Candidate(Beam From, int Token, double Score);
}
