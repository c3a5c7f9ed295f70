using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Tests.Families;
using AlpacaCot.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Generation;

/// <summary>Prompts of different lengths that join and leave a batch while it runs.</summary>
public sealed class RaggedBatchTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Folders => FamilyGoldenTests.Folders;

    public void Dispose() => scope.Dispose();

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
        Assert.True(alone.Select(a => string.Join(",", a)).Distinct().Count() > 1 || folder == "gemma2", "control: answers differ");
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
