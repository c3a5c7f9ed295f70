using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Tests.Families;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Adapters;

/// <summary>
/// Every method against PEFT: logits within 1e-4, loss within 1e-5, gradients within 1e-4 relative, the same greedy tokens, from
/// the folder that PEFT wrote; and the same again from the folder that we write.
/// </summary>
public sealed class PeftGoldenTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<string, string> Fixtures()
    {
        var data = new TheoryData<string, string>();
        foreach (var family in (string[])["llama", "bloom", "gpt_neox"])
            foreach (var folder in Directory.GetDirectories(ReferenceData.Path($"golden/{family}/peft"))
                .Order(StringComparer.Ordinal))
                data.Add(family, Path.GetFileName(folder));
        return data;
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void A_method_computes_what_PEFT_does(string family, string method)
    {
        var golden = new FamilyGolden(family);
        var folder = golden.Path($"peft/{method}");
        using var model = golden.Model();
        using (var adapter = AdapterMethods.Load(model, folder))
        {
            Assert.InRange(LogitDifference(golden, model, method), 0, 1e-4);
            // PEFT adds AdaLoRA's penalty to the loss.
            if (adapter.Penalty() is { } penalty)
                Assert.Equal(golden.Json($"peft/{method}/out.json").GetProperty("loss").GetProperty("rightpad").GetDouble(),
                    (golden.Batch("rightpad").Loss(model).Plus(penalty)).item<float>(), 1e-5);
            else Assert.InRange(golden.LossDifference(model, $"peft/{method}/out.json"), 0, 1e-5);
            var generate = golden.Json($"peft/{method}/out.json").GetProperty("generate");
            if (model.SoftPrompt is null) Assert.True(FamilyGolden.GreedyEqual(model, generate));
            else Assert.Equal(Golden.Rows(generate.GetProperty("single"), "new_tokens")[0].Take(TestDevice.Tokens),
                GreedyByPlace(model, generate, "single")[0]);
            if (!golden.Has($"peft/{method}/train_state.safetensors") || method is "ia3" or "vera")
                Assert.InRange(GradientDifference(golden, model, adapter, method), 0, 1e-4);
            using var copy = new TemporaryFolder();
            adapter.Save(copy.Path);
            adapter.Dispose();
            Assert.True(LogitDifference(golden, model, method) > 1e-3, "control: without the adapter the logits differ");
            using var again = AdapterMethods.Load(model, copy.Path);
            Assert.InRange(LogitDifference(golden, model, method), 0, 1e-4);
            // Control: a weight that is off by a twentieth is noticed.
            using (no_grad()) foreach (var weight in again.Parameters.Values) weight.add_(weight.roll(1), alpha: Number(0.05));
            Assert.True(LogitDifference(golden, model, method) > 1e-4, "control: other weights, other logits");
        }
    }

    [Theory]
    [InlineData("llama", "prompt_tuning")]
    [InlineData("llama", "p_tuning_mlp")]
    [InlineData("llama", "p_tuning_lstm")]
    [InlineData("llama", "prefix_tuning")]
    [InlineData("llama", "prefix_tuning_proj")]
    [InlineData("bloom", "prompt_tuning")]
    [InlineData("bloom", "p_tuning_mlp")]
    [InlineData("bloom", "prefix_tuning")]
    [InlineData("gpt_neox", "prompt_tuning")]
    [InlineData("gpt_neox", "p_tuning_mlp")]
    [InlineData("gpt_neox", "prefix_tuning")]
    public void A_prompt_learns_through_its_network_and_is_saved_without(string family, string method)
    {
        var golden = new FamilyGolden(family);
        using var model = golden.Model();
        var config = AdapterConfig.FromJson(File.ReadAllText(golden.Path($"peft/{method}/adapter_config.json")), method);
        using var adapter = AdapterMethods.Attach(model, config, seed: 1);
        var state = golden.Tensors($"peft/{method}/train_state.safetensors").ToDictionary(t => Plain(t.Key), t => t.Value);
        using (no_grad()) foreach (var (name, weight) in adapter.Parameters) weight.copy_(state[Ours(name)]);
        Assert.InRange(LogitDifference(golden, model, method), 0, 1e-4);
        Assert.InRange(GradientDifference(golden, model, adapter, method), 0, 1e-4);

        using var folder = new TemporaryFolder();
        adapter.Save(folder.Path);
        var (_, saved) = AdapterFolder.Read(folder.Path);
        var wanted = golden.Tensors($"peft/{method}/adapter_model.safetensors");
        Assert.Equal(wanted.Keys, saved.Keys);
        Assert.InRange(Golden.Difference(saved["prompt_embeddings"], wanted["prompt_embeddings"]), 0, 1e-6);
    }

    [Theory]
    [InlineData("chatglm", "ptuning")]
    [InlineData("chatglm", "ptuning_proj")]
    [InlineData("chatglm2", "ptuning")]
    [InlineData("chatglm2", "ptuning_proj")]
    public void P_tuning_v2_as_ChatGLM_has_it(string family, string variant)
    {
        var golden = new FamilyGolden(family);
        using var model = golden.Model();
        var plain = golden.Model();
        using (var adapter = AdapterMethods.Load(model, golden.Path(variant)))
        {
            Assert.InRange(golden.LogitDifference(model, $"{variant}/out.safetensors"), 0, 1e-4);
            Assert.InRange(golden.LossDifference(model, $"{variant}/out.json"), 0, 1e-5);
            Assert.True(FamilyGolden.GreedyEqual(model, golden.Json($"{variant}/out.json").GetProperty("generate")));
            Assert.True(golden.LogitDifference(plain, $"{variant}/out.safetensors") > 1e-3, "control: without a prefix");
            using var copy = new TemporaryFolder();
            adapter.Save(copy.Path);
            adapter.Dispose();
            using var again = AdapterMethods.Load(model, copy.Path);
            Assert.InRange(golden.LogitDifference(model, $"{variant}/out.safetensors"), 0, 1e-4);
        }
        // ChatGLM-6B's trainer left the head trainable.
        var (config, tensors) = AdapterFolder.Read(golden.Path(variant));
        config = config with { ModulesToSave = family == "chatglm" ? ["lm_head"] : [] };
        using var fresh = AdapterMethods.Attach(model, config, seed: 1);
        using (no_grad()) foreach (var (name, tensor) in tensors) fresh.Parameters[name].copy_(tensor);
        Assert.InRange(golden.GradientDifference(model, fresh.Parameters, $"{variant}/out.safetensors", name => name), 0, 1e-4);
    }

    [Fact]
    public void Vera_without_saved_matrices_draws_those_of_PEFT()
    {
        var golden = new FamilyGolden("llama");
        using var model = golden.Model();
        using var adapter = AdapterMethods.Attach(model,
            new VeraConfig { Rank = 16, Seed = 3, Targets = Targets.Of("q_proj", "o_proj") }, 1);
        using var folder = new TemporaryFolder();
        adapter.Save(folder.Path);
        var (ours, wanted) =
            (Golden.Tensors(folder.File("adapter_model.safetensors")), golden.Tensors("peft/vera/adapter_model.safetensors"));
        foreach (var name in (string[])["base_model.vera_A", "base_model.vera_B"])
            Assert.InRange(Golden.Difference(ours[name], wanted[name]), 0, 1e-7);
    }

    [Theory]
    [InlineData("llama", "prompt_tuning")]
    [InlineData("bloom", "p_tuning_mlp")]
    [InlineData("gpt_neox", "prompt_tuning")]
    public void Prompts_are_generated_from_as_alone_and_as_PEFT_does_it_in_a_padded_batch(string family, string method)
    {
        var golden = new FamilyGolden(family);
        var generate = golden.Json($"peft/{method}/out.json").GetProperty("generate");
        using var model = golden.Model();
        using var adapter = AdapterMethods.Load(model, golden.Path($"peft/{method}"));
        var (single, padded) = (generate.GetProperty("single"), generate.GetProperty("leftpad"));
        Assert.Equal(Golden.Rows(padded, "new_tokens").Select(row => row.Take(TestDevice.Tokens)),
            GreedyByPlace(model, generate, "leftpad"));
        int[][] prompts = [[.. Golden.Rows(single, "prompt")[0].Select(id => (int)id)], [7, 8]];
        var options = new GenerationOptions { MaxNewTokens = TestDevice.Tokens, EndTokens = [] };
        var together = new TextGenerator(model, null).GenerateBatch(prompts, options);
        Assert.Equal(Golden.Rows(single, "new_tokens")[0].Select(id => (int)id).Take(TestDevice.Tokens), together[0]);
        Assert.Equal(new TextGenerator(model, null).GenerateBatch([prompts[1]], options)[0], together[1]);
    }

    // PEFT gives no positions with a prompt: padding takes places between the virtual tokens and the first real one.
    private static long[][] GreedyByPlace(CausalModel model, System.Text.Json.JsonElement generate, string way)
    {
        using var inner = NewDisposeScope();
        using var quiet = no_grad();
        var rows = Golden.Rows(generate.GetProperty(way), "prompt").Select(r => r.ToList()).ToList();
        var masks = Golden.Rows(generate.GetProperty(way), "attention_mask");
        var start = rows[0].Count;
        for (var i = 0; i < TestDevice.Tokens; i++)
        {
            var present = masks.SelectMany(m => m.Select(v => v == 1).Concat(Enumerable.Repeat(true, i))).ToArray();
            var logits = model.Logits(new ModelInput(tensor(rows.SelectMany(r => r).ToArray(), [rows.Count, start + i]))
            {
                Present = tensor(present, [rows.Count, start + i]),
            });
            var next = logits.select(1, start + i - 1).argmax(1).cpu();
            for (var r = 0; r < rows.Count; r++) rows[r].Add(next[r].item<long>());
        }
        return [.. rows.Select(r => r.Skip(start).ToArray())];
    }

    // Logits of virtual tokens stand in front.
    private static double LogitDifference(FamilyGolden golden, CausalModel model, string method)
    {
        using var inner = NewDisposeScope();
        using var quiet = no_grad();
        return golden.Tensors($"peft/{method}/out.safetensors").Where(t => t.Key.Split('.') is ["logits", _]).Max(c =>
        {
            var batch = golden.Batch(c.Key["logits.".Length..]);
            var length = batch.Ids[0].Length;
            return batch.LogitDifference(model, c.Value.narrow(1, c.Value.shape[1] - length, length));
        });
    }

    private static double GradientDifference(FamilyGolden golden, CausalModel model, Adapter adapter, string method)
    {
        var weights = adapter.Parameters;
        var wanted =
            golden.Tensors($"peft/{method}/out.safetensors")
                .Where(t => t.Key.StartsWith("grad.rightpad.", StringComparison.Ordinal))
            .ToDictionary(t => Plain(t.Key["grad.rightpad.".Length..]), t => t.Value);
        var loss = golden.Batch("rightpad").Loss(model);
        (adapter.Penalty() is { } penalty ? loss.Plus(penalty) : loss).backward();
        TestDevice.Synchronize();
        Assert.Equal(wanted.Keys.Order(), weights.Keys.Select(Ours).Order());
        return weights.Max(w =>
            Golden.RelativeDifference(w.Value.grad!.cpu().view(wanted[Ours(w.Key)].shape), wanted[Ours(w.Key)]));
    }

    // The names of PEFT's modules in memory, without the adapter's name.
    private static string Plain(string name) =>
        name.Replace("base_model.model.", "").Replace(".default", "").Replace(".modules_to_save", "")
        .Replace("lora_magnitude_vector.weight", "lora_magnitude_vector");

    private static string Ours(string name) => name == "prompt_embeddings" ? "prompt_encoder.embedding.weight" : name;
}
