using AlpacaCot.Models.Adapters;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Settings;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>The registry says of each optimizer what is true of it.</summary>
public sealed class OptimizerRegistryTests
{
    public static TheoryData<string, double?> Cases()
    {
        var cases = new TheoryData<string, double?>();
        foreach (var entry in OptimizerRegistry.All)
        {
            cases.Add(entry.Name, null);
            if (entry.Uses("momentum")) cases.Add(entry.Name, 0.9);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void State_bytes_are_those_of_the_state(string name, double? momentum)
    {
        var options = new TrainingOptions { Optimizer = name, Momentum = momentum, GaLoreRank = 8 };
        using var scope = NewDisposeScope();
        foreach (var full in new[] { true, false })
        {
            using var model = new TinyModel(Hidden: 60).Build(); // no multiple of a block
            using IAdapter adapter = full ? new FullTuning(model, "{}", [])
                : Lora.Attach(model, new LoraConfig { Rank = 5, TargetModules = ["q_proj", "v_proj"] }, seed: 1);
            using var optimizer = OptimizerRegistry.Create(options, model, adapter.Parameters);
            Assert.Equal(optimizer.State.Sum(s => s.Tensor.numel() * s.Tensor.element_size()),
                OptimizerRegistry.StateBytes(options, model, adapter.Parameters));
        }
    }

    [Fact]
    public void Optimizers_differ_in_their_bytes()
    {
        using var model = new TinyModel(Hidden: 64).Build();
        long Bytes(string name) => OptimizerRegistry.StateBytes(new TrainingOptions { Optimizer = name, GaLoreRank = 8 }, model,
            model.Parameters);
        var numbers = model.Parameters.Values.Sum(p => p.numel());
        Assert.Equal(8 * numbers, Bytes("adamw"));
        Assert.Equal(4 * numbers, Bytes("lion"));
        Assert.Equal(0, Bytes("sgd"));
        string[] different = ["adamw", "adamw8bit", "adafactor", "lion", "sgd", "muon", "galore"];
        Assert.Distinct(different.Select(Bytes));
    }

    [Fact]
    public void Recipes_are_checked_against_the_registry()
    {
        var galore = Assert.Throws<Text.InputException>(() => Read("optimizer: galore"));
        Assert.Contains("galore is for full tuning", galore.Message, StringComparison.Ordinal);
        var momentum = Assert.Throws<Text.InputException>(() => Read("optimizer: lion, momentum: 0.9"));
        Assert.Contains("it applies to sgd, muon", momentum.Message, StringComparison.Ordinal);
        Assert.Equal(0.99, Read("optimizer: lion").Training.Beta2);
        Assert.Equal(0.95, Read("optimizer: lion, beta2: 0.95").Training.Beta2);
        Assert.Equal(0.999, Read("optimizer: adamw").Training.Beta2);

        static Recipe Read(string training) =>
            RecipeFile.Parse($"model: m\ndata: [d.json]\noutput: x\ntraining: {{ {training} }}\n", "r.yaml");
    }
}
