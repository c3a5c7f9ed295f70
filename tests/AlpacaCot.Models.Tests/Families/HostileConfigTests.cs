using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>Values of another kind, absurd sizes and contradictions in config.json give an error that names the key.</summary>
public sealed class HostileConfigTests
{
    [Fact]
    public void Every_field_of_another_kind_or_of_an_absurd_size_is_the_products_error()
    {
        string[] values = ["null", "\"x\"", "-1", "0", "1e400", "2147483647", "9999999999999", "1.5", "[]", "[\"a\"]", "{}",
            "{\"a\":1}", "true"];
        foreach (var family in (string[])["llama", "gpt2", "chatglm"])
        {
            var config = JsonNode.Parse(new TinyModel(Family: family).Config)!.AsObject();
            foreach (var key in config.Select(p => p.Key)
                .Concat(["rope_scaling", "head_dim", "layer_types", "sliding_window", "eos_token_id"]).ToList())
                foreach (var value in values)
                {
                    var changed = config.DeepClone().AsObject();
                    var text = changed.ToJsonString();
                    changed[key] = JsonNode.Parse(value == "1e400" ? "0" : value);
                    text = value == "1e400" ? changed.ToJsonString().Replace($"\"{key}\":0", $"\"{key}\":1e400")
                        : changed.ToJsonString();
                    using var document = JsonDocument.Parse(text);
                    try
                    {
                        ModelFamilies.Build(document.RootElement, new ShapeWeights()).Dispose();
                    }
                    catch (InputException)
                    {
                    }
                    catch (Exception e)
                    {
                        Assert.Fail($"{family}: {key} = {value}: {e.GetType().Name}: {e.Message}");
                    }
                }
        }
    }

    [Theory]
    [InlineData("hidden_size", "\"64\"", "config.json: 'hidden_size' is \"64\"; a whole number from 1 to")]
    [InlineData("model_type", "7", "config.json: 'model_type' is 7; a text is needed")]
    [InlineData("num_hidden_layers", "200000000", "layers; at most 4096")]
    [InlineData("rope_theta", "0", "'rope_theta' is 0; a number above 0")]
    public void The_error_names_file_key_value_and_what_is_allowed(string key, string value, string message)
    {
        var config = JsonNode.Parse(new TinyModel().Config)!;
        config[key] = JsonNode.Parse(value);
        Assert.Contains(message, Assert.Throws<InputException>(() => Build(config)).Message);
    }

    [Fact]
    public void Both_names_of_the_rope_type_are_read_and_may_not_contradict()
    {
        Assert.Equal("yarn", Scaling("""{ "type": "yarn", "rope_type": "yarn", "factor": 2.0 }""").Type);
        Assert.Equal("longrope", Scaling("""{ "type": "su", "rope_type": "longrope" }""").Type);
        Assert.Equal("linear", Scaling("""{ "type": "linear", "factor": 2.0 }""").Type);
        Assert.Contains("rope_type is 'yarn' and type is 'linear'", Assert.Throws<InputException>(() =>
            Scaling("""{ "type": "linear", "rope_type": "yarn", "factor": 2.0 }""")).Message);
        // The whole model: the older name is not an unknown field beside the newer one.
        var config = JsonNode.Parse(new TinyModel().Config)!;
        config["rope_scaling"] =
            JsonNode.Parse("""{ "type": "yarn", "rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 128 }""");
        Build(config);
    }

    [Fact] // transformers PR 42189
    public void Yarn_without_truncation_keeps_the_bounds_between_whole_dimensions()
    {
        RopeScaling scaling = new() { Type = "yarn", Factor = 4, OriginalLength = 64, BetaFast = 32, BetaSlow = 1 };
        using var rounded = new Rope(16, 10000, scaling);
        using var exact = new Rope(16, 10000, scaling with { Truncates = false });
        // The bounds are d ln(L / 2πr) / (2 ln θ): below 0 for 32 rotations, 2.016 for one.
        double Bound(double rotations) => 16 * Math.Log(64 / (rotations * 2 * Math.PI)) / (2 * Math.Log(10000));
        var (low, high) = (Math.Max(Bound(32), 0), Math.Min(Bound(1), 15));
        for (var i = 0; i < 8; i++)
        {
            var scaled = Math.Clamp((i - low) / (high - low), 0, 1);
            Assert.Equal(Math.Pow(10000, -2.0 * i / 16) * (scaled / 4 + (1 - scaled)), exact.InverseFrequencies(64)[i], 1e-6);
        }
        Assert.NotEqual(rounded.InverseFrequencies(64)[1], exact.InverseFrequencies(64)[1]);
        Assert.False(Scaling("""{ "rope_type": "yarn", "factor": 4.0, "truncate": false }""").Truncates);
        Assert.True(Scaling("""{ "rope_type": "yarn", "factor": 4.0 }""").Truncates);
    }

    private static RopeScaling Scaling(string json)
    {
        using var document = JsonDocument.Parse($$"""{ "rope_scaling": {{json}} }""");
        return new ModelConfig(document.RootElement).Rope().Scaling;
    }

    private static void Build(JsonNode config) =>
        ModelFamilies.Build(JsonSerializer.SerializeToElement(config), new ShapeWeights()).Dispose();
}
