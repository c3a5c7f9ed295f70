using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>
/// Sequences read together in pieces of different sizes through their caches give the logits of each alone as a whole; windows
/// slide, positions count on. Architectures without golden values are built from random weights.
/// </summary>
public sealed class FamilyCacheTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<string> Folders => FamilyGoldenTests.Folders;

    [Theory]
    [MemberData(nameof(Folders))]
    public void Pieces_give_the_logits_of_the_whole(string folder)
    {
        var golden = new FamilyGolden(folder);
        using var model = golden.Model();
        // ChatGLM's first piece must hold the context; its first release places sop otherwise when it generates.
        if (folder != "chatglm_v0") AssertPieces(model, golden.Batch("leftpad"), first: model.IsCausal ? 3 : 14);
    }

    [Theory]
    [InlineData("falcon", """{"alibi":true,"bias":true,"parallel_attn":false,"multi_query":false}""")]
    [InlineData("stablelm", """{"layer_norm_eps":1e-5,"qk_layernorm":true,"use_parallel_residual":true,"use_qkv_bias":true}""")]
    [InlineData("olmo", """{"clip_qkv":0.3}""")]
    [InlineData("cohere2", """{"sliding_window":4,"logit_scale":0.5,"layer_norm_eps":1e-5,"sliding_window_pattern":2}""")]
    [InlineData("qwen2_moe", """
        {"num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":16,"shared_expert_intermediate_size":24,
         "decoder_sparse_step":2}
        """)]
    [InlineData("smollm3", """{"no_rope_layer_interval":2,"use_sliding_window":true,"sliding_window":5}""")]
    [InlineData("ernie4_5", """{"use_bias":true}""")]
    [InlineData("gptj", """{"n_embd":32,"n_head":4,"n_layer":2,"n_positions":64,"rotary_dim":4}""")]
    [InlineData("opt", """{"ffn_dim":48,"do_layer_norm_before":false,"word_embed_proj_dim":16}""")]
    [InlineData("cohere", """{"use_qk_norm":true,"logit_scale":0.5,"layer_norm_eps":1e-5}""")]
    [InlineData("phi", """{"qk_layernorm":true,"layer_norm_eps":1e-5}""")]
    [InlineData("phi3", """
        {"original_max_position_embeddings":8,"rope_scaling":{"type":"longrope","short_factor":[1,1.1,1.2,1.3],
         "long_factor":[2,3,4,5]}}
        """)]
    [InlineData("gpt2", """{"n_embd":32,"n_head":4,"n_layer":2,"n_positions":64,"scale_attn_by_inverse_layer_idx":true}""")]
    public void Pieces_of_architectures_without_golden_values(string type, string own)
    {
        var config = JsonNode.Parse("""
            {"vocab_size":128,"hidden_size":32,"intermediate_size":48,"num_hidden_layers":2,"num_attention_heads":4,
             "num_key_value_heads":2,"max_position_embeddings":64}
            """)!.AsObject();
        if (own.Contains("n_embd", StringComparison.Ordinal)) config = JsonNode.Parse("""{"vocab_size":128}""")!.AsObject();
        if (type is "falcon" or "opt")
            foreach (var key in (string[])["intermediate_size", "num_key_value_heads"]) config.Remove(key);
        foreach (var (key, value) in JsonNode.Parse(own)!.AsObject()) config[key] = value?.DeepClone();
        config["model_type"] = type;
        using var model = ModelFamilies.Build(JsonSerializer.SerializeToElement(config), new RandomWeights(3, 0.2),
            compute: TestDevice.Compute);
        // What longrope divides by depends on the length: here it does not change between pieces.
        AssertPieces(model, new FamilyGolden("llama").Batch("leftpad"), first: type == "phi3" ? 9 : 3);

        foreach (var weight in model.Parameters.Values) weight.requires_grad_(true);
        new FamilyGolden("llama").Batch("rightpad").Loss(model).backward();
        foreach (var (name, weight) in model.Parameters) // an expert that no token chose has none
            Assert.True(name.Contains("experts.", StringComparison.Ordinal)
                || weight.grad?.isfinite().all().item<bool>() == true, name);
    }

    private static void AssertPieces(CausalModel model, FamilyBatch batch, int first)
    {
        using var quiet = no_grad();
        var real = batch.Ids.Index().Select(row => row.Item.Where((_, t) => batch.Real[row.Index][t] == 1)
            .Select(id => (int)id).ToArray()).ToArray();
        var whole = real.Select(row => model.Logits(new ModelInput(tensor(row).to(ScalarType.Int64).unsqueeze(0)))).ToArray();
        var caches = real.Select(_ => model.NewCache()).ToArray();
        var worst = 0.0;
        for (var step = 0; caches.Index().Any(c => c.Item.Length < real[c.Index].Length); step++)
        {
            // The first piece, then one, two or three tokens, another number for each sequence: caches of different lengths.
            var pieces = caches.Index().Select(c => (Row: c.Index, Cache: c.Item, Start: c.Item.Length, Size: Math.Min(
                real[c.Index].Length - c.Item.Length, c.Item.Length == 0 ? first + c.Index % 2 : 1 + (step + c.Index) % 3)))
                .Where(p => p.Size > 0).ToArray();
            var logits = model.Logits(ModelInput.Continuing([.. pieces.Select(p =>
                (p.Cache, (IReadOnlyList<int>)real[p.Row][p.Start..(p.Start + p.Size)]))]));
            var at = 0;
            foreach (var (row, _, start, size) in pieces)
            {
                worst = Math.Max(worst, Golden.Difference(logits.narrow(1, at, size), whole[row].narrow(1, start, size)));
                at += size;
            }
        }
        foreach (var cache in caches) cache.Dispose();
        Assert.InRange(worst, 0, 1e-4);

        // Control: pieces that forget what came before differ.
        var lost = model.IsCausal ? Golden.Difference(whole[0].narrow(1, whole[0].shape[1] - 2, 2),
            model.Logits(new ModelInput(tensor(real[0][^2..]).to(ScalarType.Int64).unsqueeze(0)))) : 1;
        Assert.True(lost > 1e-3);
    }
}
