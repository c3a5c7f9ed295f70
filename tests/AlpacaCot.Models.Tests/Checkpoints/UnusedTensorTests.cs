using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

/// <summary>
/// Every tensor of a checkpoint is used, known to be harmless, or named in an error. Parts that others left out with a warning at
/// most: biases (LLaMA-Factory issue 3721), LoRA weights (flacuna issue 2), vision towers (PosterLLaVA issue 15).
/// </summary>
public sealed class UnusedTensorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.layers.0.self_attn.q_proj.bias", "omits this bias")]
    [InlineData("model.layers.7.mlp.up_proj.weight", "config.json has 2 layers and the file more")]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "belong to an adapter")]
    [InlineData("model.layers.0.self_attn.q_proj.weight_scale", "no quantization_config")]
    [InlineData("model.layers.0.self_attn.q_proj.weight_scale_inv", "no quantization_config")]
    [InlineData("model.layers.0.mlp.router.weight", "Correct model_type")]
    public void A_tensor_that_the_model_does_not_use_is_an_error_that_names_it(string name, string reason)
    {
        var e = Assert.Throws<InputException>(() => LanguageModel.Load(With(name)).Dispose());
        Assert.Contains(name, e.Message);
        Assert.Contains(reason, e.Message);
        Assert.Contains(_folder.File("base"), e.Message);
        // Quantizing builds no full model.
        Assert.Contains(name, Assert.Throws<InputException>(() => QuantizedFolder.Write(_folder.File("base"), _folder.File("q"),
            new QuantizationOptions(QuantizationType.Nf4))).Message);
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.rotary_emb.inv_freq")]
    [InlineData("model.rotary_emb.inv_freq")]
    [InlineData("model.layers.1.self_attn.masked_bias")]
    [InlineData("model.position_ids")]
    [InlineData("v_head.summary.weight")]
    public void A_buffer_that_is_computed_from_the_configuration_is_harmless(string name)
    {
        using var model = LanguageModel.Load(With(name));
        Assert.Empty(model.Model.Notes);
        ModelExport.ToGguf(model, _folder.File("m.gguf"), GgufType.F32); // a format without such tensors
    }

    [Fact]
    public void A_vision_tower_is_left_out_with_a_note()
    {
        using var model = LanguageModel.Load(With("vision_tower.blocks.0.attn.qkv.weight"));
        Assert.Contains("1 tensors for pictures or sound", Assert.Single(model.Model.Notes));
    }

    [Theory]
    [InlineData("mtp.layers.0.self_attn.q_proj.weight", null)]
    [InlineData("mtp.fc.weight", null)]
    [InlineData("model.mtp_layers.0.input_proj.weight", null)]
    [InlineData("model.mtp_linear_proj.0.weight", null)]
    [InlineData("model.layers.2.self_attn.q_proj.weight", 1)]
    [InlineData("model.layers.2.eh_proj.weight", 1)]
    [InlineData("model.layers.3.shared_head.norm.weight", 2)]
    public void Layers_of_multi_token_prediction_are_left_out_with_a_note(string name, int? declared)
    {
        using var model = LanguageModel.Load(With(name, declared));
        Assert.Contains("1 tensor of multi-token prediction", Assert.Single(model.Model.Notes));
        ModelExport.ToGguf(model, _folder.File("m.gguf"), GgufType.F32); // a format without such tensors
    }

    [Theory]
    [InlineData("model.layers.2.eh_proj.weight", null)]
    [InlineData("model.layers.3.eh_proj.weight", 1)]
    [InlineData("model.layers.1.eh_proj.weight", 1)]
    [InlineData("model.smtp.weight", null)]
    public void Layers_beyond_the_declared_ones_are_an_error(string name, int? declared) =>
        Assert.Contains(name, Assert.Throws<InputException>(() => LanguageModel.Load(With(name, declared)).Dispose()).Message);

    [Fact]
    public void Tensors_in_a_shard_that_the_index_forgot_are_not_ignored()
    {
        With("model.layers.0.self_attn.q_proj.bias");
        var file = _folder.File("base/model.safetensors");
        File.Move(file, _folder.File("base/model-00001-of-00001.safetensors"));
        using var opened = SafetensorsFile.Open(_folder.File("base/model-00001-of-00001.safetensors"));
        var map = new JsonObject();
        foreach (var name in opened.Entries.Keys.Where(n => !n.EndsWith(".bias", StringComparison.Ordinal)))
            map[name] = "model-00001-of-00001.safetensors";
        File.WriteAllText(_folder.File("base/model.safetensors.index.json"),
            new JsonObject { ["weight_map"] = map }.ToJsonString());
        Assert.Contains("q_proj.bias", Assert.Throws<InputException>(() => LanguageModel.Load(_folder.File("base")).Dispose())
            .Message);
        // Without an index the shards are found by their names.
        File.Delete(_folder.File("base/model.safetensors.index.json"));
        Assert.Contains("q_proj.bias", Assert.Throws<InputException>(() => LanguageModel.Load(_folder.File("base")).Dispose())
            .Message);
    }

    private string With(string name, int? predicting = null)
    {
        var tiny = new TinyModel();
        var path = tiny.WriteFolder(_folder.File("base"));
        using var model = tiny.Build();
        using var extra = zeros(4);
        SafetensorsWriter.Write(Path.Combine(path, "model.safetensors"),
            [.. model.Parameters.Select(p => (p.Key, p.Value)), (name, extra)]);
        if (predicting is null) return path;
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(path, "config.json")))!;
        config["num_nextn_predict_layers"] = predicting;
        File.WriteAllText(Path.Combine(path, "config.json"), config.ToJsonString());
        return path;
    }
}
