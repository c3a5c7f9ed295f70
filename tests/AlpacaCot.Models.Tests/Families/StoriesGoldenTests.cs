using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>
/// A model trained on real text: 260 thousand parameters that tell children's stories, against llama2.c.
/// </summary>
public sealed class StoriesGoldenTests : IDisposable
{
    private const string Folder = "data/derived/stories260K-hf";
    private readonly DisposeScope _scope = NewDisposeScope();

    private static JsonElement[] Cases =>
        [.. Golden.Json("data/golden/runc/stories260K.json").GetProperty("cases").EnumerateArray()];

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Logits_losses_and_likeliest_tokens()
    {
        using var model = Golden.Model(Folder);
        foreach (var golden in Cases) Assert.InRange(Difference(model, golden), 0, 1e-4);
    }

    [Theory]
    [InlineData("another epsilon")]
    [InlineData("another rotary base")]
    [InlineData("a dropped layer")]
    public void Control_a_broken_model_is_noticed(string what)
    {
        using var model = Golden.Model(Folder, json =>
        {
            if (what == "another epsilon") json["rms_norm_eps"] = 1e-4;
            if (what == "another rotary base")
                json["rope_parameters"] = new JsonObject { ["rope_theta"] = 9900, ["rope_type"] = "default" };
            if (what == "a dropped layer") json["num_hidden_layers"] = 4;
        });
        Assert.True(Difference(model, Cases[3]) > 1e-3);
    }

    [Fact]
    public void Greedy_ids()
    {
        using var model = Golden.Model(Folder);
        using var broken = Golden.Model(Folder, json => json["num_hidden_layers"] = 4);
        var options = new GenerationOptions { MaxNewTokens = 64 };
        foreach (var golden in Cases.Where(c => c.GetProperty("greedy").GetArrayLength() > 0))
        {
            int[][] prompt = [Ints(golden, "ids")];
            Assert.Equal(Ints(golden, "greedy"), new TextGenerator(model, null).GenerateBatch(prompt, options)[0]);
            Assert.NotEqual(Ints(golden, "greedy"), new TextGenerator(broken, null).GenerateBatch(prompt, options)[0]);
        }
    }

    // The largest difference of logits or losses; infinite where another token is likeliest.
    private static double Difference(CausalModel model, JsonElement golden)
    {
        using var quiet = no_grad();
        var ids = tensor([.. Ints(golden, "ids").Select(i => (long)i)]);
        var logits = model.Logits(new ModelInput(ids.unsqueeze(0)))[0]; // [s, vocabulary]
        var likeliest = logits.argmax(1).data<long>().Select(i => (int)i);
        if (!likeliest.SequenceEqual(Ints(golden, "argmax"))) return double.PositiveInfinity;
        var worst = Golden.Difference(logits[-1], tensor(Golden.Numbers(golden, "last_logits")).to(ScalarType.Float32));
        foreach (var (place, row) in golden.GetProperty("logits").EnumerateArray().Index())
            worst = Math.Max(worst, Golden.Difference(logits[place],
                tensor(row.EnumerateArray().Select(v => v.GetSingle()).ToArray())));
        var likelihoods = nn.functional.log_softmax(logits, -1);
        foreach (var (place, wanted) in Golden.Numbers(golden, "nll").Index())
            worst = Math.Max(worst, Math.Abs(wanted + likelihoods[place, ids[place + 1].item<long>()].item<float>()));
        return worst;
    }

    private static int[] Ints(JsonElement json, string key) =>
        [.. json.GetProperty(key).EnumerateArray().Select(v => v.GetInt32())];
}
