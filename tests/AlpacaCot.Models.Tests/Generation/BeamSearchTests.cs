using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Generation;

/// <summary>Beam search against all answers there are, and against a plain search without caches.</summary>
public sealed class BeamSearchTests : IDisposable
{
    private static readonly int[] Prompt = [1, 4, 2];

    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(1.0, 1.0, 0)]
    [InlineData(0.0, 1.0, 0)]
    [InlineData(-1.0, 1.0, 0)]
    [InlineData(1.0, 1.8, 2)]
    public void As_many_beams_as_answers_find_the_best_of_all(double lengthPenalty, double repetition, int ngram)
    {
        const int vocabulary = 5, depth = 4;
        using var model = new TinyModel(vocabulary, Hidden: 16, Layers: 1, Deviation: 0.6).Build();
        var options = new GenerationOptions
        {
            Beams = 625, MaxNewTokens = depth, LengthPenalty = lengthPenalty, RepetitionPenalty = repetition,
            NoRepeatNgram = ngram,
            EndTokens = [3],
        };
        var all = new List<(int[] Tokens, double Score)>();
        Enumerate([], 0);
        var best = all.MaxBy(a => a.Score);
        var found = new TextGenerator(model, null).Search(Prompt, options)[0];
        Assert.Equal(best.Tokens, found.Tokens);
        Assert.Equal(best.Score, found.Score, 1e-4);
        var greedy = new TextGenerator(model, null).Search(Prompt, options with { Beams = 1 })[0];
        Assert.True(greedy.Score <= found.Score);

        void Enumerate(int[] tokens, double score)
        {
            var next = Reference.LogProbabilities(model, [.. Prompt, .. tokens], options);
            for (var token = 0; token < vocabulary; token++)
            {
                var sum = score + next[token];
                if (token == 3) all.Add((tokens, sum / Math.Pow(tokens.Length + 1, lengthPenalty)));
                else if (tokens.Length + 1 == depth) all.Add(([.. tokens, token], sum / Math.Pow(depth, lengthPenalty)));
                else Enumerate([.. tokens, token], sum);
            }
        }
    }

    public static TheoryData<int, double, EarlyStopping, int> Settings => new()
    {
        { 4, 1.0, EarlyStopping.Heuristic, 0 },
        { 4, 1.0, EarlyStopping.WhenFull, 0 },
        { 3, 2.0, EarlyStopping.Never, 0 },
        { 4, -0.5, EarlyStopping.Heuristic, 0 },
        { 2, 0.0, EarlyStopping.Never, 3 },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_plain_search_without_caches_finds_the_same(int beams, double lengthPenalty, EarlyStopping stopping, int ngram)
    {
        using var model = new TinyModel(Vocabulary: 40).Build();
        var options = new GenerationOptions
        {
            Beams = beams, MaxNewTokens = 10, LengthPenalty = lengthPenalty, EarlyStopping = stopping, NoRepeatNgram = ngram,
            RepetitionPenalty = ngram > 0 ? 1.3 : 1, EndTokens = [.. Enumerable.Range(20, 5)],
        };
        int[][] prompts = [Prompt, [7], [9, 9, 30, 2, 11]];
        var generator = new TextGenerator(model, null);
        foreach (var prompt in prompts)
        {
            var wanted = Reference.Search(model, prompt, options);
            var found = generator.Search(prompt, options);
            Assert.Equal(wanted.Select(h => h.Tokens), found.Select(h => h.Tokens));
            Assert.All(wanted.Zip(found), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-4));
        }
        // In a batch, beams of many prompts and single sequences go together.
        var batch = generator.GenerateBatch(prompts, options, new BatchLimits { Sequences = 2 * beams });
        Assert.Equal(prompts.Select(p => generator.Search(p, options)[0].Tokens.ToArray()), batch);
        Assert.Equal(batch[0], generator.Stream(prompts[0], options));
    }

    [Fact]
    public void One_beam_is_greedy_choice()
    {
        using var model = new TinyModel().Build();
        var generator = new TextGenerator(model, null);
        var options = new GenerationOptions { MaxNewTokens = 12 };
        Assert.Equal(generator.Stream(Prompt, options), generator.Search(Prompt, options)[0].Tokens);
    }

    [Fact]
    public void Draws_of_beams_follow_the_probabilities()
    {
        // One step, two beams: four of six candidates are drawn without replacement, and the likeliest of them is the answer.
        using var model = new TinyModel(Deviation: 0.1).Build();
        const int draws = 1500;
        var options =
            new GenerationOptions { Beams = 2, MaxNewTokens = 1, Greedy = false, TopK = 6, Temperature = 0.9, EndTokens = [] };
        var likeliest = Reference.LogProbabilities(model, Prompt, options).Index().OrderByDescending(p => p.Item).Take(6)
            .ToArray();
        var weights = likeliest.Select(p => Math.Exp(p.Item / 0.9)).ToArray();
        var expected = new double[6];
        Enumerate([], 1);
        var counts = new TextGenerator(model, null)
            .GenerateBatch([.. Enumerable.Repeat(Prompt, draws)], options, new BatchLimits { Sequences = 600 })
            .CountBy(a => a[0]).ToDictionary();
        Assert.Equal(draws, likeliest.Sum(p => counts.GetValueOrDefault(p.Index)));
        for (var i = 0; i < 6; i++) // five standard deviations
            Assert.Equal(expected[i], counts.GetValueOrDefault(likeliest[i].Index) / (double)draws,
                5 * Math.Sqrt(expected[i] * (1 - expected[i]) / draws));
        Assert.InRange(expected[0], 0.3, 0.95); // control: the draws matter

        void Enumerate(int[] drawn, double probability)
        {
            if (drawn.Length == 4) expected[drawn.Min()] += probability;
            else
                foreach (var next in Enumerable.Range(0, 6).Except(drawn))
                    Enumerate([.. drawn, next],
                        probability * weights[next] / Enumerable.Range(0, 6).Except(drawn).Sum(i => weights[i]));
        }
    }

    [Fact]
    public void The_originals_defaults_draw_with_a_seed_and_repeat_nothing()
    {
        using var model = new TinyModel().Build();
        var generator = new TextGenerator(model, null);
        var preset = GenerationOptions.AlpacaCot with { MaxNewTokens = 30, EndTokens = [] };
        Assert.Equal((4, 1.0, 0.9, 40, 6, 1.8), (preset.Beams, preset.Temperature, preset.TopP, preset.TopK, preset.NoRepeatNgram,
            preset.RepetitionPenalty));
        int[] Answer(int seed) => [.. generator.Search(Prompt, preset with { Seed = seed })[0].Tokens];
        Assert.Equal(Answer(1), Answer(1));
        Assert.NotEqual(Answer(1), Answer(2));
        int[] all = [.. Prompt, .. Answer(1)];
        var six = Enumerable.Range(0, all.Length - 5).Select(i => string.Join(",", all[i..(i + 6)])).ToArray();
        Assert.Equal(six.Length, six.Distinct().Count());
        Assert.Throws<InputException>(() => generator.Search(Prompt, preset with { Beams = 0 }));
    }

    /// <summary>The rules of Hugging Face's beam search, one whole sequence at a time.</summary>
    private static class Reference
    {
        public static double[] LogProbabilities(CausalModel model, int[] ids, GenerationOptions options)
        {
            using var inner = NewDisposeScope();
            using var quiet = no_grad();
            var logits = model.Logits(new ModelInput(tensor(ids).to(ScalarType.Int64).unsqueeze(0)))[0, -1];
            var scores = nn.functional.log_softmax(logits, 0).data<float>().ToArray();
            foreach (var seen in ids.Distinct()) scores[seen] *= (float)options.RepetitionPenalty; // they are negative
            var n = options.NoRepeatNgram;
            for (var start = 0; n > 0 && start + n - 1 < ids.Length; start++)
                if (ids.AsSpan(start, n - 1).SequenceEqual(ids.AsSpan(ids.Length - n + 1)))
                    scores[ids[start + n - 1]] = float.NegativeInfinity;
            return [.. scores.Select(s => (double)s)];
        }

        public static IReadOnlyList<Hypothesis> Search(CausalModel model, int[] prompt, GenerationOptions options)
        {
            var (beams, ends) = (options.Beams, options.EndTokens!);
            var running = new List<(int[] Tokens, double Score)> { ([], 0) };
            var finished = new List<Hypothesis>();
            for (var length = 1; ; length++)
            {
                var best = running.SelectMany(beam => LogProbabilities(model, [.. prompt, .. beam.Tokens], options)
                        .Select((p, token) => (Tokens: (int[])[.. beam.Tokens, token], Score: beam.Score + p)))
                    .OrderByDescending(c => c.Score).Take((1 + ends.Count) * beams).ToArray();
                bool Ends((int[] Tokens, double) c) => ends.Contains(c.Tokens[^1]) || length == options.MaxNewTokens;
                if (!(options.EarlyStopping == EarlyStopping.WhenFull && finished.Count == beams))
                    finished = [.. finished.Concat(best.Take(beams).Where(Ends).Select(c => new Hypothesis(
                        ends.Contains(c.Tokens[^1]) ? c.Tokens[..^1] : c.Tokens,
                        c.Score / Math.Pow(length, options.LengthPenalty))))
                        .OrderByDescending(h => h.Score).Take(beams)];
                running = [.. best.Where(c => !Ends(c)).Take(beams)];
                if (running.Count == 0) return finished;
                if (finished.Count < beams) continue;
                var longest = options is { EarlyStopping: EarlyStopping.Never, LengthPenalty: > 0 }
                    ? options.MaxNewTokens : length;
                if (options.EarlyStopping == EarlyStopping.WhenFull
                    || running[0].Score / Math.Pow(longest, options.LengthPenalty) <= finished[^1].Score) return finished;
            }
        }
    }
}
