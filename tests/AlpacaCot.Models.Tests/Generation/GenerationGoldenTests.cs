using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Generation;

/// <summary>
/// Greedy continuations of the reference implementation, alone and in a batch padded on the left. Its two likeliest tokens are
/// always further apart (0.0025 and more) than our logits are from its own (1e-4): every id must be equal.
/// </summary>
public sealed class GenerationGoldenTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("llama")]
    [InlineData("llama_mha")]
    [InlineData("llama_mha_tied")]
    public void Greedy_ids_of_base_and_lora(string name)
    {
        using var model = Golden.Model($"golden/{name}/model");
        var plain = Golden.Json($"golden/{name}/base.json").GetProperty("generate");
        var tuned = Golden.Json($"golden/{name}/lora_out.json").GetProperty("generate");
        Assert.True(Equal(model, plain));
        Assert.False(Equal(model, tuned), "control: without the adapter the answers differ");
        using var adapter = AdapterMethods.Load(model, ReferenceData.Path($"golden/{name}/lora"));
        Assert.True(Equal(model, tuned));
    }

    [Fact]
    public void Control_a_dropped_layer_is_noticed()
    {
        using var model = Golden.Model("golden/llama/model", json => json["num_hidden_layers"] = 1);
        Assert.False(Equal(model, Golden.Json("golden/llama/base.json").GetProperty("generate")));
    }

    private static bool Equal(CausalModel model, JsonElement golden)
    {
        var generator = new TextGenerator(model, null);
        var options = new GenerationOptions { MaxNewTokens = 20, EndTokens = [2] };
        var equal = true;
        foreach (var way in (string[])["single", "leftpad"])
        {
            var (ids, mask) = (Golden.Rows(golden.GetProperty(way), "prompt"),
                Golden.Rows(golden.GetProperty(way), "attention_mask"));
            int[][] prompts = [.. ids.Select((row, r) => row.Where((_, t) => mask[r][t] == 1).Select(id => (int)id).ToArray())];
            var wanted = Golden.Rows(golden.GetProperty(way), "new_tokens")
                .Select(row => row.Select(id => (int)id).ToArray()).ToArray();
            var batched = generator.GenerateBatch(prompts, options);
            for (var r = 0; r < prompts.Length; r++)
                equal &= batched[r].SequenceEqual(wanted[r]) && generator.Stream(prompts[r], options).SequenceEqual(wanted[r]);
        }
        return equal;
    }
}
