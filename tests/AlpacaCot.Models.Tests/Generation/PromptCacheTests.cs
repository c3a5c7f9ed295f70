using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Tests.Families;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Generation;

/// <summary>A conversation whose earlier turns are not read again.</summary>
public sealed class PromptCacheTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Later_turns_read_only_what_is_new(bool withDraft)
    {
        using var model = new TinyModel().Build();
        using var draft = withDraft ? new TinyModel(Layers: 1).Build(seed: 2) : null;
        var (fresh, generator) = (new TextGenerator(model, null), new TextGenerator(model, null, draft));
        var options = new GenerationOptions { MaxNewTokens = 10, EndTokens = [] };
        using var cache = new PromptCache();
        int[] prompt = [1, 17, 42, 5];
        for (var turn = 0; turn < 4; turn++)
        {
            var (reused, read) = (cache.Reused, cache.Read);
            var answer = generator.Stream(prompt, options, cache: cache).ToArray();
            Assert.Equal(fresh.Stream(prompt, options), answer);
            if (turn is 1 or 2) Assert.Equal(5, cache.Read - read); // the last token of the answer, and four of the question
            if (turn == 3) Assert.Equal(2, cache.Reused - reused); // the conversation was changed at its third token
            prompt = turn == 2 ? [1, 17, 43, 5] : [.. prompt, .. answer, 9, 8, 7, (byte)turn];
        }
    }

    [Theory]
    [InlineData("mistral")]
    [InlineData("bloom")]
    [InlineData("chatglm")] // its context sees itself in both directions: nothing is kept
    public void Nothing_is_kept_that_another_prompt_would_change(string folder)
    {
        var golden = new FamilyGolden(folder);
        using var model = golden.Model();
        var first = Golden.Rows(golden.Json("base.json").GetProperty("generate").GetProperty("single"), "prompt")[0]
            .Select(id => (int)id).ToArray();
        int[] second = [.. first[..2], 7, .. first[2..]];
        var generator = new TextGenerator(model, null);
        var options = new GenerationOptions { MaxNewTokens = 8, EndTokens = [] };
        using var cache = new PromptCache();
        foreach (var turn in (int[][])[first, second, first])
            Assert.Equal(generator.Stream(turn, options), generator.Stream(turn, options, cache: cache));
        Assert.Equal(model.IsCausal, cache.Reused > 0);
    }

    [Fact]
    public void An_answer_that_was_stopped_leaves_a_cache_that_serves()
    {
        using var model = new TinyModel().Build();
        var generator = new TextGenerator(model, null);
        var options = new GenerationOptions { MaxNewTokens = 12, EndTokens = [] };
        using var cache = new PromptCache();
        int[] prompt = [1, 17, 42, 5];
        var begun = generator.Stream(prompt, options, cache: cache).Take(4).ToArray();
        int[] next = [.. prompt, .. begun, 9];
        Assert.Equal(generator.Stream(next, options), generator.Stream(next, options, cache: cache));
        Assert.True(cache.Reused >= prompt.Length);
    }
}
