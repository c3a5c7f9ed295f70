using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>
/// Sequences laid end to end compute what each computes by itself: against the references' packed rows, and for every family and
/// every kind of virtual token against padded rows.
/// </summary>
public sealed class PackingTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<string> Families => [.. FamilyGolden.Folders.Where(f =>
        !f.StartsWith("chatglm", StringComparison.Ordinal)
        || f is "chatglm2" or "chatglm3")];

    [Theory]
    [InlineData("llama"), InlineData("qwen2"), InlineData("mistral"), InlineData("gemma2"), InlineData("bloom")]
    public void Logits_and_gradients_are_those_of_the_reference(string family)
    {
        var (json, wanted) = (Golden.Json($"golden/packing/{family}/out.json"),
            Golden.Tensors($"golden/packing/{family}/out.safetensors"));
        using var model = Golden.Model($"golden/{json.GetProperty("base").GetString()}");
        long[] lengths = [.. json.GetProperty("lengths").EnumerateArray().Select(v => v.GetInt64())];
        var (ids, labels) = (Golden.Rows(json, "input_ids")[0], Golden.Rows(json, "labels")[0]);
        var input = ModelInput.Packed(ids, lengths, model.Compute);
        using (no_grad()) Assert.InRange(Golden.Difference(model.Logits(input), wanted["logits.base_packed"]), 0, 1e-4);

        using var adapter = AdapterMethods.Load(model, ReferenceData.Path($"golden/{json.GetProperty("adapter").GetString()}"));
        using (no_grad()) Assert.InRange(Golden.Difference(model.Logits(input), wanted["logits.packed"]), 0, 1e-4);
        long[] supervised = [.. Enumerable.Range(1, ids.Length - 1).Where(t => labels[t] >= 0).Select(t => (long)t)];
        var loss = model.NegativeLogLikelihood(input, tensor([.. supervised.Select(t => t - 1)]),
            tensor([.. supervised.Select(t => labels[t])]));
        Assert.Equal(json.GetProperty("loss_sum_packed").GetDouble(), loss.item<float>(), 1e-3);
        (loss / Number(supervised.Length)).backward();
        foreach (var (name, weight) in adapter.Parameters)
            Assert.InRange(Golden.RelativeDifference(weight.grad!, wanted[$"grad.{Golden.PeftName(name)}"]), 0, 1e-4);
        // Control: a row that is not divided computes something else.
        using (no_grad())
            Assert.True(Golden.Difference(model.Logits(input with { Lengths = null }), wanted["logits.packed"]) > 1e-2);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Every_family_computes_what_it_computes_for_each_sequence_alone(string family)
    {
        using var model = Golden.Model($"golden/{family}/model");
        Assert.InRange(Differences(model), 0, 2e-5);
    }

    [Theory]
    [InlineData("chatglm"), InlineData("chatglm_v0")]
    public void A_model_with_bidirectional_context_refuses(string family)
    {
        using var model = Golden.Model($"golden/{family}/model");
        Assert.False(model.AllowsPacking);
        Assert.Throws<InvalidOperationException>(() => model.Hidden(ModelInput.Packed([1, 2, 3], [2, 1], model.Compute)));
    }

    [Theory]
    [InlineData("llama", "prompt_tuning"), InlineData("llama", "prefix_tuning"), InlineData("bloom", "prompt_tuning")]
    [InlineData("bloom", "prefix_tuning"), InlineData("gpt_neox", "p_tuning_mlp")]
    public void Virtual_tokens_precede_each_sequence(string family, string method)
    {
        using var model = Golden.Model($"golden/{family}/model");
        using var adapter = AdapterMethods.Load(model, ReferenceData.Path($"golden/{family}/peft/{method}"));
        Assert.True(model.VirtualTokens > 0);
        Assert.InRange(Differences(model), 0, 2e-5);
    }

    [Fact]
    public void A_row_may_exceed_the_table_of_positions_that_each_sequence_fits()
    {
        using var model = Golden.Model("golden/gpt2/model");
        var most = model.Shape.MaxPositions;
        long[] ids = [.. Enumerable.Range(0, most + 5).Select(t => (long)(t % 50))];
        using var quiet = no_grad();
        Assert.Equal(most + 5, model.Hidden(ModelInput.Packed(ids, [most, 5], model.Compute)).shape[1]);
        Assert.Throws<Text.InputException>(() => model.Hidden(ModelInput.Packed(ids, [most + 1, 4], model.Compute)));
    }

    [Fact]
    public void Recomputed_blocks_pack_too()
    {
        using var model = Golden.Model("golden/llama/model");
        using var adapter = Lora.Attach(model, new LoraConfig { Rank = 4, Alpha = 8, TargetPattern = Lora.AllLinear }, seed: 1);
        var input = ModelInput.Packed([5, 6, 7, 8, 9, 10, 11], [4, 3], model.Compute) with { Mode = PassMode.Training };
        var sums = new List<(float Loss, float Norm)>();
        foreach (var recomputes in (bool[])[false, true])
        {
            model.Recomputes = recomputes;
            var loss = model.NegativeLogLikelihood(input, tensor([0L, 1, 2, 4, 5]), tensor([6L, 7, 8, 10, 11]));
            loss.backward();
            sums.Add((loss.item<float>(), adapter.Parameters.Values.Sum(w => w.grad!.norm().item<float>())));
            foreach (var weight in adapter.Parameters.Values) weight.grad = null;
        }
        Assert.Equal(sums[0], sums[1]);
        Assert.True(sums[0].Norm > 0);
    }

    // The largest difference of logits between three sequences in one row and each by itself.
    private static double Differences(CausalModel model)
    {
        using var quiet = no_grad();
        var vocabulary = model.Shape.Vocabulary;
        long[][] rows = [.. ((int[])[11, 16, 7, 1]).Select((length, r) =>
            Enumerable.Range(0, length).Select(t => (long)((7 * r + 13 * t + t * t) % (vocabulary - 8)) + 4).ToArray())];
        long[] lengths = [.. rows.Select(row => (long)row.Length)];
        var packed = model.Logits(ModelInput.Packed([.. rows.SelectMany(row => row)], lengths, model.Compute)).split(lengths, 1);
        return rows.Select((row, r) => Golden.Difference(packed[r], model.Logits(new ModelInput(tensor(row, [1, row.Length])))))
            .Max();
    }
}
