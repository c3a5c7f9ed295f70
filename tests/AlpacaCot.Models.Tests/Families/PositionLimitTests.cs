using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>Sequences longer than a model's positions: GPT-2 reads past its table (gpt-2 issue 121).</summary>
public sealed class PositionLimitTests
{
    [Fact]
    public void A_learned_table_refuses_longer_sequences_and_names_both_numbers()
    {
        using var model = new TinyModel(Family: "gpt2").Build();
        var e = Assert.Throws<InputException>(() => PositionLimit.Check(model, 257, "training.cutoff_length"));
        Assert.Equal("training.cutoff_length is 257 tokens, but gpt2 has a learned table of 256 positions and cannot compute " +
            "longer sequences; set it to at most 256.", e.Message);
        Assert.Null(PositionLimit.Check(model, 256, "training.cutoff_length"));
        using var ids = zeros([1, 257], ScalarType.Int64, TestDevice.Compute.Device);
        using var scope = NewDisposeScope();
        Assert.Contains("257 tokens", Assert.Throws<InputException>(() => model.Logits(new ModelInput(ids))).Message);
    }

    [Fact]
    public void Virtual_tokens_take_positions_of_the_table()
    {
        using var model = new TinyModel(Family: "gpt2").Build();
        using var adapter = AdapterMethods.Attach(model, new PromptTuningConfig { Tokens = 6 }, 1);
        Assert.Contains("the adapter adds 6 virtual tokens",
            Assert.Throws<InputException>(() => PositionLimit.Check(model, 251, "training.cutoff_length")).Message);
        var answer = new TextGenerator(model, null).GenerateBatch([[.. Enumerable.Repeat(5, 245)]],
            new GenerationOptions { MaxNewTokens = 100 })[0];
        Assert.InRange(answer.Length, 1, 6); // 245 + 6 virtual tokens leave 5 positions, and the last token needs none
    }

    [Theory]
    [InlineData("""null""", true)]
    [InlineData("""{ "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256 }""", false)]
    [InlineData("""{ "rope_type": "dynamic", "factor": 2.0 }""", false)]
    [InlineData("""{ "rope_type": "linear", "factor": 2.0 }""", true)]
    public void Rotary_positions_beyond_the_trained_length_give_a_note_unless_a_scaling_covers_them(string scaling, bool isNoted)
    {
        var config = JsonNode.Parse(new TinyModel().Config)!;
        config["rope_scaling"] = JsonNode.Parse(scaling);
        using var model = ModelFamilies.Build(JsonSerializer.SerializeToElement(config), new RandomWeights(1));
        var note = PositionLimit.Check(model, 1000, "training.cutoff_length");
        Assert.Equal(isNoted, note?.Contains("1000 tokens; the model was made for at most 256",
            StringComparison.Ordinal) == true);
    }
}
