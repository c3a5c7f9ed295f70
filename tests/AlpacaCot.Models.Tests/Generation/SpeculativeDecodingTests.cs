using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Generation;

/// <summary>A draft model changes how soon an answer comes, never what it is.</summary>
public sealed class SpeculativeDecodingTests : IDisposable
{
    private static readonly int[][] Prompts = [[1, 17, 42, 5], [1, 9], [1, 200, 201, 202, 203, 204, 205, 17, 42], [1]];

    private readonly CausalModel _model = new TinyModel().Build();
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose()
    {
        _scope.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void Greedy_answers_are_the_same_whatever_the_draft_says()
    {
        using var stranger = new TinyModel(Hidden: 16, Layers: 1).Build(seed: 7);
        using var smaller = new TinyModel(Vocabulary: 250).Build(seed: 3); // padded less
        using var near = Near(0.15);
        var plain = new TextGenerator(_model, null);
        var options = new GenerationOptions { MaxNewTokens = 24, EndTokens = [] };
        foreach (var how in (GenerationOptions[])[options, options with { RepetitionPenalty = 1.4, NoRepeatNgram = 3 },
            options with { EndTokens = [plain.Stream(Prompts[0], options).Last()] }, options with { MaxNewTokens = 2 }])
        {
            var wanted = Prompts.Select(p => plain.Stream(p, how).ToArray()).ToArray();
            foreach (var draft in (CausalModel[])[stranger, smaller, near, _model])
                Assert.Equal(wanted, new TextGenerator(_model, null, draft).GenerateBatch(Prompts, how));
        }
    }

    [Fact]
    public void Agreement_saves_passes_and_the_longest_context_is_kept()
    {
        using var near = Near(0.02);
        var options = new GenerationOptions { MaxNewTokens = 41, EndTokens = [], DraftTokens = 4 };
        Assert.Equal(41, Passes(null));
        Assert.InRange(Passes(near), 9, 30);
        Assert.Equal(9, Passes(_model)); // one for the prompt, then five tokens a pass

        int[] prompt = [.. Enumerable.Repeat(5, _model.Shape.MaxPositions - 6)];
        var endless = options with { MaxNewTokens = int.MaxValue };
        Assert.Equal(new TextGenerator(_model, null).Stream(prompt, endless),
            new TextGenerator(_model, null, _model).Stream(prompt, endless));

        int Passes(CausalModel? draft)
        {
            using var batch = new ContinuousBatch(_model, null, draft: draft);
            batch.Add(Prompts[0], options);
            var passes = 0;
            for (; batch.Open > 0; passes++) batch.Advance();
            return passes;
        }
    }

    [Fact]
    public void Draws_have_the_models_own_distribution()
    {
        const int runs = 800;
        using var draft = Near(0.6);
        var options = new GenerationOptions { MaxNewTokens = 3, Greedy = false, TopK = 2, Temperature = 3, EndTokens = [] };
        var (own, other) = (Joint(_model), Joint(draft));
        var found = new TextGenerator(_model, null, draft)
            .GenerateBatch([.. Enumerable.Repeat(Prompts[0], runs)], options, new BatchLimits { Sequences = 200 })
            .CountBy(a => string.Join(",", a)).ToDictionary();
        Assert.Empty(found.Keys.Except(own.Keys));
        Assert.All(own, pair => Assert.InRange(Deviations(pair.Value, found.GetValueOrDefault(pair.Key)), 0, 5));
        // Control: what the draft alone would say is another distribution.
        Assert.Contains(other, pair => Deviations(pair.Value, found.GetValueOrDefault(pair.Key)) > 8);

        static double Deviations(double p, int count) => Math.Abs(count - p * runs) / Math.Sqrt(p * (1 - p) * runs + 1e-9);

        Dictionary<string, double> Joint(CausalModel of)
        {
            var all = new Dictionary<string, double> { [""] = 1 };
            for (var step = 0; step < 3; step++)
                all = all.SelectMany(begun =>
                {
                    int[] tokens = [.. begun.Key.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
                    var next = Distribution.Of(LastLogits(of, [.. Prompts[0], .. tokens]), options);
                    return next.Tokens.Zip(next.Probabilities).Select(t =>
                        (string.Join(",", tokens.Append(t.First)), begun.Value * t.Second));
                }).ToDictionary();
            return all;
        }
    }

    private static float[] LastLogits(CausalModel of, int[] ids)
    {
        using var inner = NewDisposeScope();
        using var quiet = no_grad();
        return of.Logits(new ModelInput(tensor(ids).to(ScalarType.Int64).unsqueeze(0)))[0, -1].data<float>().ToArray();
    }

    // The model with noise on its weights: it agrees often, not always.
    private static CausalModel Near(double noise)
    {
        var near = new TinyModel().Build();
        using var quiet = no_grad();
        using var inner = NewDisposeScope();
        manual_seed(5);
        foreach (var weight in near.Parameters.Values.Where(w => w.dim() > 1))
            weight.PlusInPlace(randn_like(weight) * Number(noise * 0.2));
        return near;
    }
}
