using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Generation;

public sealed class TextGeneratorTests : IDisposable
{
    private static readonly int[] Prompt = [1, 17, 42, 5];
    private static readonly int[][] Prompts = [[1, 17, 42, 5], [1, 9], [1, 200, 201, 202, 203, 204, 205, 17, 42], [1, 9, 9], [1]];

    private readonly CausalModel _model = new TinyModel().Build();
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose()
    {
        _scope.Dispose();
        _model.Dispose();
    }

    private int[] Generate(GenerationOptions options, params int[] prompt) =>
        new TextGenerator(_model, null).GenerateBatch([prompt.Length == 0 ? Prompt : prompt], options)[0];

    private static GenerationOptions Draw(int seed = 1) => new() { MaxNewTokens = 40, Greedy = false, Seed = seed };

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(12)]
    public void Cached_keys_and_values_change_no_logit(int chunk)
    {
        using var quiet = no_grad();
        var ids = Range(0, 24, CPU, ScalarType.Int64).mul(Number(37)).remainder(Number(300)).view(2, 12);
        var whole = _model.Logits(new ModelInput(ids)); // [2, 12, vocabulary]
        var rows = ids.data<long>().Select(id => (int)id).Chunk(12).ToArray();
        using KeyValueCache first = _model.NewCache(), second = _model.NewCache();
        for (var at = 0; at < 12; at += chunk)
        {
            var part =
                _model.Logits(ModelInput.Continuing((first, rows[0][at..(at + chunk)]), (second, rows[1][at..(at + chunk)])));
            Assert.InRange(Golden.Difference(part.view(2, chunk, -1), whole.narrow(1, at, chunk)), 0, 1e-5);
        }
        // Control: a cache that forgot a token gives other logits.
        first.Truncate(10);
        var wrong = _model.Logits(ModelInput.Continuing((first, [rows[0][11]])));
        Assert.True(Golden.Difference(wrong[0, 0], whole[0, 11]) > 1e-3);
    }

    [Fact]
    public void A_batch_gives_what_each_prompt_gives_alone()
    {
        var generator = new TextGenerator(_model, null);
        var free = new GenerationOptions { MaxNewTokens = 30 };
        foreach (var options in (GenerationOptions[])[free, free with { EndTokens = End() }])
        {
            var together = generator.GenerateBatch(Prompts, options, new BatchLimits { Sequences = 4 });
            Assert.Equal(Prompts.Select(p => generator.Stream(p, options).ToArray()), together);
        }

        // A token that ends some answers early: their rows leave the batch.
        int[] End() => [generator.GenerateBatch(Prompts, free).SelectMany(a => a[5..]).GroupBy(t => t)
            .OrderByDescending(g => g.Count()).First().Key];
    }

    [Fact]
    public void The_end_token_is_not_part_of_the_answer()
    {
        var free = Generate(new GenerationOptions { MaxNewTokens = 20 });
        var end = Array.FindIndex(free, t => t != free[0]);
        Assert.Equal(free[..end], Generate(new GenerationOptions { MaxNewTokens = 20, EndTokens = [free[end]] }));
    }

    [Fact]
    public void An_answer_that_fills_the_positions_of_the_model_is_cut_and_others_are_not()
    {
        var generator = new TextGenerator(_model, null);
        int[] prompt = [.. Enumerable.Range(0, 250).Select(i => 3 + i % 290)]; // of 256 positions
        var free = new GenerationOptions { MaxNewTokens = 20 };
        var answer = generator.GenerateBatch([prompt], free)[0];
        Assert.Equal(7, answer.Length); // the last token needs no position
        Assert.True(generator.IsCut(prompt.Length, answer, free));
        Assert.False(generator.IsCut(prompt.Length, answer, free with { MaxNewTokens = 7 })); // as many as were asked for
        Assert.False(generator.IsCut(prompt.Length, answer[..6], free)); // an end token came next
        Assert.False(generator.IsCut(Prompt.Length, generator.GenerateBatch([Prompt], free)[0], free));
    }

    [Fact]
    public void Draws_depend_on_the_seed_alone()
    {
        Assert.Equal(Generate(Draw(1)), Generate(Draw(1)));
        Assert.NotEqual(Generate(Draw(1)), Generate(Draw(2)));
    }

    [Fact]
    public void Narrow_draws_are_greedy()
    {
        var greedy = Generate(new GenerationOptions { MaxNewTokens = 40 });
        Assert.Equal(greedy, Generate(Draw() with { TopK = 1 }));
        Assert.Equal(greedy, Generate(Draw() with { TopP = 1e-9 }));
        Assert.Equal(greedy, Generate(Draw() with { Temperature = 0 }));
        Assert.Equal(greedy, Generate(Draw() with { Temperature = 1e-4 }));
        Assert.NotEqual(greedy, Generate(Draw()));
    }

    [Fact]
    public void Draws_follow_the_probabilities_within_the_allowed_tokens()
    {
        using var quiet = no_grad();
        var logits = _model.Logits(new ModelInput(tensor(Prompt.Select(i => (long)i).ToArray()).unsqueeze(0)))[0, -1];
        var likeliest = logits.topk(3).indexes.data<long>().Select(i => (int)i).ToArray();
        var three = nn.functional.softmax(logits.topk(3).values / Number(0.7), 0).data<float>().ToArray();
        const int draws = 2000;
        var counts = new TextGenerator(_model, null)
            .GenerateBatch([.. Enumerable.Repeat(Prompt, draws)], Draw() with { MaxNewTokens = 1, TopK = 3, Temperature = 0.7 },
                new BatchLimits { Sequences = 500 })
            .CountBy(a => a[0]).ToDictionary();
        Assert.Empty(counts.Keys.Except(likeliest));
        for (var i = 0; i < 3; i++) // five standard deviations
            Assert.Equal(three[i], counts.GetValueOrDefault(likeliest[i]) / (double)draws,
                5 * Math.Sqrt(three[i] * (1 - three[i]) / draws));

        // The smallest set that reaches 60 % of the three.
        var kept = three[0] >= 0.6 ? 1 : three[0] + three[1] >= 0.6 ? 2 : 3;
        var nucleus = new TextGenerator(_model, null)
            .GenerateBatch([.. Enumerable.Repeat(Prompt, 300)],
                Draw() with { MaxNewTokens = 1, TopK = 3, Temperature = 0.7, TopP = 0.6 }, new BatchLimits { Sequences = 300 });
        Assert.Equal(likeliest[..kept].Order(), nucleus.Select(a => a[0]).Distinct().Order());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_ngram_occurs_twice(int length)
    {
        foreach (var options in (GenerationOptions[])[new() { MaxNewTokens = 60 }, Draw() with { MaxNewTokens = 60, TopK = 3 }])
        {
            Assert.False(Repeats(Generate(options with { NoRepeatNgram = length }, 1, 7, 8, 9)));
        }
        // After 7 8 9 7 8 the likeliest token 9 would repeat one, two or three tokens, but not four.
        float[] Logits() => [.. Enumerable.Range(0, 12).Select(i => i == 9 ? 5f : i / 10f)];
        int Next(int n) => new Sampler(new GenerationOptions { NoRepeatNgram = n }, 0).Choose(Logits(), [7, 8, 9, 7, 8]);
        Assert.NotEqual(9, Next(length));
        Assert.Equal(9, Next(4));

        bool Repeats(int[] answer)
        {
            int[] all = [1, 7, 8, 9, .. answer];
            var ngrams = Enumerable.Range(0, all.Length - length + 1).Select(i => string.Join(",", all[i..(i + length)]));
            return ngrams.Distinct().Count() < ngrams.Count();
        }
    }

    [Fact]
    public void Repetition_penalty_divides_positive_and_multiplies_negative_logits()
    {
        var chooser = new Sampler(new GenerationOptions { RepetitionPenalty = 2 }, 0);
        float[] logits = [3, 4, -1, -1.5f];
        Assert.Equal(0, chooser.Choose(logits, [1, 1, 2])); // once, however often a token was seen
        Assert.Equal([3, 2, -2, -1.5f], logits);
        var free = Generate(new GenerationOptions { MaxNewTokens = 60 });
        var punished = Generate(new GenerationOptions { MaxNewTokens = 60, RepetitionPenalty = 1.5 });
        Assert.True(punished.Distinct().Count() > free.Distinct().Count());
    }

    [Fact]
    public void Equal_logits_are_taken_in_the_order_of_ids()
    {
        float[] Flat() => [.. Enumerable.Repeat(1f, 100)];
        Assert.Equal(0, new Sampler(new GenerationOptions(), 0).Choose(Flat(), []));
        Assert.Equal(0, new Sampler(new GenerationOptions { Greedy = false, TopK = 1 }, 0).Choose(Flat(), []));
    }

    [Fact]
    public void A_stop_string_ends_the_answer()
    {
        using var folder = new TemporaryFolder();
        var tokenizer = Tokenizer.Load(new TinyModel().WriteConfig(folder.Path));
        var generator = new TextGenerator(_model, tokenizer);
        var options = Draw() with { MaxNewTokens = 60, EndTokens = [] };
        var free = generator.GenerateBatch([Prompt], options)[0];
        // The letters of the fifth and sixth token: a stop string may lie across tokens.
        var stop = tokenizer.Decode(free.AsSpan(4, 2));
        var stopped = generator.GenerateBatch([Prompt], options with { StopStrings = ["never in there", stop] })[0];
        Assert.True(stopped.Length <= 6);
        Assert.Equal(free[..stopped.Length], stopped);
        Assert.Contains(stop, tokenizer.Decode(stopped), StringComparison.Ordinal);
        Assert.DoesNotContain(stop, tokenizer.Decode(stopped.AsSpan(0, stopped.Length - 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_longest_context_is_kept_and_a_longer_prompt_refused()
    {
        var limit = _model.Shape.MaxPositions;
        var long1 = Enumerable.Repeat(5, limit - 3).ToArray();
        Assert.Equal(4, Generate(new GenerationOptions { MaxNewTokens = int.MaxValue }, long1).Length);
        Assert.Empty(Generate(new GenerationOptions { MaxNewTokens = 0 }));
        Assert.Throws<InputException>(() => Generate(new GenerationOptions(), [.. long1, 5, 5, 5]));
        Assert.Throws<InputException>(() => Generate(new GenerationOptions(), 300));
        Assert.Throws<InputException>(() => new TextGenerator(_model, null).GenerateBatch([[]], new GenerationOptions()));
    }

    [Fact]
    public void Streaming_stops_when_asked()
    {
        using var cancel = new CancellationTokenSource();
        var got = new List<int>();
        foreach (var token in new TextGenerator(_model, null).Stream(Prompt, new GenerationOptions { MaxNewTokens = 40 },
            cancel: cancel.Token))
        {
            got.Add(token);
            if (got.Count == 3) cancel.Cancel();
        }
        Assert.Equal(3, got.Count);
    }
}
