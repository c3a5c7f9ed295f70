using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>Every method can be switched off for a while: the model is then the base, to the last bit.</summary>
public sealed class SuspendTests
{
    [Theory]
    [MemberData(nameof(MethodCases.All), MemberType = typeof(MethodCases))]
    public void Suspended_logits_are_those_of_the_base_and_come_back(string method, string family, string form) =>
        Check(MethodCases.Recipe(method), family, form);

    [Fact]
    public void Modules_trained_in_full_are_suspended_too() =>
        Check(AdapterRecipe.Parse("{ rank: 4, modules: [embed_tokens, lm_head, norm] }"), "llama", "none");

    [Fact]
    public void Biases_trained_beside_an_adapter_are_suspended_too() =>
        Check(AdapterRecipe.Parse("{ rank: 4, bias: all }"), "gpt2", "none");

    [Fact]
    public void Full_tuning_refuses_with_its_reason()
    {
        using var model = new TinyModel().Build();
        using var full = new FullTuning(model, "{}", []);
        Assert.Contains("choose an adapter", Assert.Throws<InputException>(() => full.Suspend()).Message,
            StringComparison.Ordinal);
    }

    private static void Check(AdapterRecipe recipe, string family, string form)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = new TinyModel(Family: family).Build(quantization: QuantizationOptions.Parse(form));
        var plain = Logits(model);
        using var adapter = AdapterMethods.Attach(model,
            recipe.Complete(new AdapterSetup(model, 1, _ => [3, 4, 5], null))!, 1);
        foreach (var weight in adapter.Parameters.Values) weight.mul_(Number(1.1)).add_(Number(0.03));
        var adapted = Logits(model);
        Assert.False(plain.Equals(adapted), "control: the adapter changes the logits");
        using (adapter.Suspend())
        {
            Assert.True(plain.Equals(Logits(model)), "suspended");
            using (adapter.Suspend()) Assert.True(plain.Equals(Logits(model)), "suspended twice");
            Assert.True(plain.Equals(Logits(model)), "an inner suspension does not switch it on");
        }
        Assert.True(adapted.Equals(Logits(model)), "resumed");
    }

    private static Tensor Logits(CausalModel model) =>
        model.Logits(new ModelInput(tensor(new long[] { 1, 9, 200, 31, 7, 7, 40, 3, 88, 120, 5, 61 }, [1, 12])));
}
