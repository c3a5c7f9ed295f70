using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Tests.Families;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Generation;

/// <summary>Prompts of different lengths that join and leave a batch while it runs.</summary>
public sealed class VarlenBatchTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<string> Folders => FamilyGoldenTests.Folders;

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_architecture_answers_as_it_does_alone(string folder)
    {
        var golden = new FamilyGolden(folder);
        using var model = golden.Model();
        var prompts = Prompts(golden, model);
        var generator = new TextGenerator(model, null);
        var options = new GenerationOptions { MaxNewTokens = 9, EndTokens = [] };
        var alone = prompts.Select(p => generator.Stream(p, options).ToArray()).ToArray();
        // Three at a time: the others join when one ends.
        var together = generator.GenerateBatch(prompts, options, new BatchLimits { Sequences = 3 });
        Assert.Equal(alone, together);
        Assert.True(alone.Select(a => string.Join(",", a)).Distinct().Count() > 1 || folder == "gemma2",
            "control: answers differ");
    }

    [Fact]
    public void Prompts_join_while_others_run_and_may_be_dropped()
    {
        using var model = new TinyModel().Build();
        int[][] prompts = [[1, 17, 42, 5], [1, 9], [1, 200, 201, 202, 203, 204], [1], [7, 7, 7]];
        GenerationOptions Options(int number) => new() { MaxNewTokens = 6 + number, EndTokens = [], Beams = number == 2 ? 2 : 1 };
        using var batch = new ContinuousBatch(model, null, new BatchLimits { CachedTokens = 30 }); // two or three at a time
        for (var i = 0; i < 4; i++) batch.Add(prompts[i], Options(i));
        var answers = prompts.Select(_ => new List<int>()).ToArray();
        var dones = new List<int>();
        for (var pass = 0; batch.Open > 0; pass++)
        {
            foreach (var (number, tokens, done) in batch.Advance())
            {
                answers[number].AddRange(tokens);
                if (done) dones.Add(number);
            }
            if (pass == 1) batch.Add(prompts[4], Options(4));
            if (pass == 2) batch.Remove(1);
        }
        Assert.Equal(3, answers[1].Count);
        Assert.Equal([0, 2, 3, 4], dones.Order());
        foreach (var number in dones)
            Assert.Equal(new TextGenerator(model, null).Stream(prompts[number], Options(number)), answers[number]);
    }

    // Of 1 to 16 tokens; ChatGLM-6B's end as those of the reference do, with [gMASK] and sop.
    private static int[][] Prompts(FamilyGolden golden, CausalModel model)
    {
        var rows = golden.Batch("nopad").Ids.Select(row => row.Select(id => (int)id).ToArray()).ToArray();
        int[] end = [];
        if (!model.IsCausal)
            end = [.. Golden.Rows(golden.Json("base.json").GetProperty("generate").GetProperty("single"), "prompt")[0][^2..]
                .Select(id => (int)id)];
        (int Row, int Length)[] cuts = [(0, 16), (1, 2), (2, 9), (0, 5), (1, 11), (2, 1)];
        return [.. cuts.Select(cut => (int[])[.. rows[cut.Row].Except(end).Take(cut.Length), .. end])];
    }
}
