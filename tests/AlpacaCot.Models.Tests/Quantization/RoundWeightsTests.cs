using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Quantization;

/// <summary>A model whose weights are rounded for answering says nearly what it said before.</summary>
public sealed class RoundWeightsTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(8, 0.005)]
    [InlineData(4, 0.12)]
    public void Stories_lose_little_likelihood(int bits, double most)
    {
        using var quiet = no_grad();
        using var model = Golden.Model("data/derived/stories260K-hf");
        var ids = Golden.Json("data/golden/runc/stories260K.json").GetProperty("cases")[3].GetProperty("ids");
        var input = new ModelInput(tensor([.. ids.EnumerateArray().Select(v => v.GetInt64())]).unsqueeze(0));
        var (plain, plainBytes) = (Loss(model, input), model.Linears.Values.Sum(l => l.Matrix.Bytes));

        model.RoundWeights(bits);

        Assert.All(model.Linears.Values, layer => Assert.Equal(layer == model.Head ? 8 : bits, ((BlockMatrix)layer.Matrix).Bits));
        Assert.InRange(model.Linears.Values.Sum(l => l.Matrix.Bytes), 1, plainBytes / (bits == 8 ? 3 : 5));
        Assert.DoesNotContain("model.layers.0.mlp.up_proj.weight", model.Parameters.Keys);
        Assert.InRange(Math.Abs(Loss(model, input) - plain), 1e-6, most);
    }

    [Fact]
    public void A_token_gets_the_same_logits_in_the_prompt_and_alone()
    {
        using var quiet = no_grad();
        using var model = ModelFamilies.Build(JsonDocument.Parse(new TinyModel().Config).RootElement,
            new RandomWeights(1, 0.2));
        model.RoundWeights(4);
        int[] ids = [5, 17, 99, 250, 7, 31];
        var whole = model.Logits(new ModelInput(tensor([.. ids.Select(i => (long)i)]).unsqueeze(0))
        {
            Mode = PassMode.Generation,
        });
        using var cache = model.NewCache();
        for (var i = 0; i < ids.Length; i++)
        {
            var alone = model.Logits(ModelInput.Continuing((cache, [ids[i]])));
            Assert.InRange(Golden.RelativeDifference(alone[0, 0], whole[0, i]), 0, 1e-4);
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public void Scores_are_those_of_the_products_that_answer(int bits)
    {
        using var quiet = no_grad();
        using var model = ModelFamilies.Build(JsonDocument.Parse(new TinyModel().Config).RootElement,
            new RandomWeights(1, 0.2));
        var ids = tensor([.. Enumerable.Range(0, 40).Select(i => i * 37L % 300)]).unsqueeze(0);
        var plain = model.Logits(new ModelInput(ids));
        model.RoundWeights(bits);
        var answers = model.Logits(new ModelInput(ids) { Mode = PassMode.Generation });
        Assert.True(model.Logits(new ModelInput(ids)).eq(answers).all().item<bool>(), "evaluation takes the same products");
        Assert.False(answers.eq(plain).all().item<bool>(), "control: rounding changes logits");
    }

    private static double Loss(CausalModel model, ModelInput input)
    {
        var count = input.Ids.shape[1] - 1;
        return model.NegativeLogLikelihood(input, Range(0, count, CPU), input.Ids[0].narrow(0, 1, count)).item<float>() / count;
    }
}
