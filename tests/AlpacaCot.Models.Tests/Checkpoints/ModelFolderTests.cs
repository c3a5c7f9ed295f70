using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

public sealed class ModelFolderTests
{
    // From a second program, written after the published algorithms.
    private static readonly float[] RandomGolden = [0.00834937021f, -0.0019143502f, 0.0104011139f, -0.0164373331f];

    [Theory]
    [InlineData("golden/llama_mha/model", "golden/llama_mha/model_sharded")]
    [InlineData("data/derived/stories260K-hf", "data/derived/stories260K-hf-sharded")]
    public void A_sharded_folder_holds_the_same_model(string whole, string sharded)
    {
        using var scope = NewDisposeScope();
        using var expected = ModelFolder.Open(ReferenceData.Path(whole));
        using var actual = ModelFolder.Open(ReferenceData.Path(sharded));
        AssertSameOrHalf(expected, actual);
    }

    [Fact]
    public void A_folder_in_bfloat16_holds_the_rounded_weights()
    {
        using var scope = NewDisposeScope();
        using var full = ModelFolder.Open(ReferenceData.Path("golden/llama_mha/model"));
        using var half = ModelFolder.Open(ReferenceData.Path("golden/llama_mha/model_bf16"));
        AssertSameOrHalf(full, half);
        Assert.All(half.Entries.Values, e => Assert.Equal(ScalarType.BFloat16, e.DType));
    }

    [Fact]
    public void Shards_of_torch_save_are_read_too_and_safetensors_are_preferred()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var model = ReferenceData.Path("golden/llama/model");
        File.Copy(Path.Combine(model, "config.json"), folder.File("config.json"));
        File.Copy(Path.Combine(model, "pytorch_model.bin"), folder.File("pytorch_model-00001-of-00001.bin"));
        using var expected = ModelFolder.Open(model);
        WriteIndex(folder, "pytorch_model.bin.index.json",
            expected.Entries.Keys.Select(n => (n, "pytorch_model-00001-of-00001.bin")));
        using (var actual = ModelFolder.Open(folder.Path)) AssertSameOrHalf(expected, actual);

        File.WriteAllText(folder.File("model.safetensors"), "");
        Assert.Contains("model.safetensors", Assert.Throws<InputException>(() => ModelFolder.Open(folder.Path)).Message);
    }

    [Fact]
    public void Each_missing_piece_is_named()
    {
        using var folder = new TemporaryFolder();
        string Fault(string? path = null) => Assert.Throws<InputException>(() => ModelFolder.Open(path ?? folder.Path)).Message;
        using var values = ones(2);

        Assert.Contains("the model folder does not exist", Fault(folder.File("absent")));
        Assert.Contains("no config.json", Fault());
        File.WriteAllText(folder.File("adapter_config.json"), "{}");
        Assert.Contains("is an adapter folder; pass it as --adapter", Fault());
        File.WriteAllText(folder.File("config.json"), "{}");
        Assert.Contains("pass it as --adapter", Fault());
        File.Delete(folder.File("adapter_config.json"));
        File.WriteAllText(folder.File("config.json"), "{\"a\":");
        Assert.Contains("config.json is not valid JSON", Fault());
        File.WriteAllText(folder.File("config.json"), "[]");
        Assert.Contains("config.json is not a JSON object", Fault());
        File.WriteAllText(folder.File("config.json"), "{}");
        Assert.Contains("no weights; needed is one of model.safetensors", Fault());

        SafetensorsWriter.Write(folder.File("1.safetensors"), [("a", values)]);
        WriteIndex(folder, "model.safetensors.index.json", [("a", "1.safetensors"), ("b", "2.safetensors")]);
        Assert.Contains("the shard 2.safetensors is missing", Fault());
        WriteIndex(folder, "model.safetensors.index.json", [("a", "1.safetensors"), ("b", "1.safetensors")]);
        Assert.Contains("does not contain b", Fault());
        WriteIndex(folder, "model.safetensors.index.json", [("a", "../1.safetensors")]);
        Assert.Contains("a points to", Fault());
        File.WriteAllText(folder.File("model.safetensors.index.json"),
            """{"weight_map":{"a":"1.safetensors","a":"1.safetensors"}}""");
        Assert.Contains("not valid JSON", Fault());
        File.WriteAllText(folder.File("model.safetensors.index.json"), "{}");
        Assert.Contains("no weight_map", Fault());
    }

    [Fact]
    public void Weights_are_checked_against_what_the_configuration_asks()
    {
        using var folder = ModelFolder.Open(ReferenceData.Path("golden/llama/model"));
        var weights = new CheckpointWeights(folder);
        const string name = "model.layers.1.mlp.up_proj.weight";
        using (var tensor = weights.Read(name, [96, 64])) Assert.Equal([96, 64], tensor.shape);
        using (var bare = weights.Read("layers.1.mlp.up_proj.weight", [96, 64])) Assert.Equal([96, 64], bare.shape);
        Assert.True(weights.Contains(name) && weights.Contains("norm.weight"));
        Assert.False(weights.Contains("model.layers.2.mlp.up_proj.weight"));
        Assert.Contains($"{name} has shape [96, 64], config.json requires [172, 64]",
            Assert.Throws<InputException>(() => weights.Read(name, [172, 64])).Message);
        var missing = Assert.Throws<InputException>(() => weights.Read("model.layers.2.mlp.up_proj.weight", [96, 64])).Message;
        Assert.Contains("no tensor model.layers.2.mlp.up_proj.weight", missing);
        Assert.Contains("Nearest are model.layers.0.mlp.up_proj.weight, model.layers.1.mlp.up_proj.weight", missing);
    }

    [Fact]
    public void A_weight_that_is_no_number_is_found_wherever_it_stands()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        File.WriteAllText(folder.File("config.json"), "{}");
        long[] places = [0, 1, 37, (1 << 20) - 1, 1 << 20, 3_000_016];
        foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float16, ScalarType.Float32, ScalarType.Float64 })
            foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            {
                var values = (rand(3_000_017, ScalarType.Float32) * Number(60000) - Number(30000)).to(type);
                Assert.Null(WeightValidation.FirstOther(values));
                foreach (var place in places.Reverse())
                {
                    values[place] = bad;
                    Assert.Equal(place, WeightValidation.FirstOther(values));
                }
            }

        var weight = zeros(40, 50);
        weight[31, 7] = float.NaN;
        SafetensorsWriter.Write(folder.File("model.safetensors"), [("w", weight)]);
        using var model = ModelFolder.Open(folder.Path); // headers only
        Assert.StartsWith($"{folder.Path}: w is NaN or infinite at [31, 7]. ",
            Assert.Throws<InputException>(() => new CheckpointWeights(model).Read("w", [40, 50])).Message);
    }

    [Fact]
    public void Random_weights_depend_on_seed_and_name_alone()
    {
        using var scope = NewDisposeScope();
        var weights = new RandomWeights(42);
        const string name = "model.layers.0.mlp.up_proj.weight";
        var first = weights.Read(name, [301, 101]);
        _ = weights.Read("lm_head.weight", [7, 3]);
        Tensors.AssertSame(first, weights.Read(name, [301, 101]), "again");
        Assert.NotEqual(first.data<float>()[0], new RandomWeights(43).Read(name, [301, 101]).data<float>()[0]);
        Assert.NotEqual(first.data<float>()[0], weights.Read("model.layers.1.mlp.up_proj.weight", [301, 101]).data<float>()[0]);
        Assert.Equal(RandomGolden, first.data<float>().Take(4)); // the same on every platform

        // 30,401 numbers: a right generator's mean stays within 4 / sqrt(n) deviations of 0, its deviation within 2 % of 0.02.
        Assert.InRange(first.mean().item<float>(), -0.02f * 0.023f, 0.02f * 0.023f);
        Assert.InRange(first.std().item<float>(), 0.0196f, 0.0204f);
        // a normal distribution's fourth moment is 3
        Assert.InRange(((first / Number(0.02f)).pow(Number(4))).mean().item<float>(), 2.8f, 3.2f);

        Assert.Equal(5f, weights.Read("model.norm.weight", [5]).sum().item<float>());
        Assert.Equal(0f, weights.Read("model.layers.0.self_attn.q_proj.bias", [5]).sum().item<float>());
    }

    private static void AssertSameOrHalf(ModelFolder expected, ModelFolder actual)
    {
        Assert.NotEmpty(expected.Entries);
        Assert.Equal(expected.Entries.Keys.Order(), actual.Entries.Keys.Order());
        foreach (var (name, entry) in actual.Entries)
            Tensors.AssertSame(expected.Read(name).to_type(entry.DType), actual.Read(name), name);
    }

    private static void WriteIndex(TemporaryFolder folder, string name, IEnumerable<(string Tensor, string File)> map) =>
        File.WriteAllText(folder.File(name),
            JsonSerializer.Serialize(new { weight_map = map.ToDictionary(m => m.Tensor, m => m.File) }));
}
