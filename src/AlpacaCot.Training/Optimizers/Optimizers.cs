using AlpacaCot.Models.Families;
using AlpacaCot.Training.Recipes;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The optimizers by their words in recipes. A new one is one file and one line here.</summary>
public static class Optimizers
{
    /// <summary>The words.</summary>
    public static IReadOnlyList<string> Names { get; } = ["adamw", "adamw8bit", "adafactor", "lion", "sgd", "muon", "galore"];

    /// <summary>Keys of a recipe that some know and others do not.</summary>
    internal static IReadOnlyDictionary<string, string[]> Keys { get; } = new Dictionary<string, string[]>
    {
        ["beta1"] = ["adamw", "adamw8bit", "lion", "muon", "galore"],
        ["beta2"] = ["adamw", "adamw8bit", "lion", "muon", "galore"],
        ["epsilon"] = ["adamw", "adamw8bit", "muon", "galore"], ["momentum"] = ["sgd", "muon"],
        ["galore_rank"] = ["galore"], ["galore_interval"] = ["galore"], ["galore_factor"] = ["galore"],
    };

    /// <summary>Whether a key means something to an optimizer.</summary>
    internal static bool Knows(string optimizer, string key) => Keys[key].Contains(optimizer);

    /// <summary>Makes the optimizer that a recipe asks for.</summary>
    /// <param name="training">The recipe's part.</param>
    /// <param name="model">The model, whose embeddings and head are no hidden matrices.</param>
    /// <param name="parameters">What is trained.</param>
    /// <param name="rateFactor">The factor on the learning rate of a name; null: one for all.</param>
    public static Optimizer Create(TrainingOptions training, CausalModel model, IReadOnlyDictionary<string, Tensor> parameters,
        Func<string, double>? rateFactor = null)
    {
        var adam = new AdamWOptions(training.Beta1, training.Beta2, training.Epsilon, training.WeightDecay);
        bool IsHidden(string name) => !model.Parameters.ContainsKey(name)
            || (name != model.Head.Name + ".weight" && model.Linears.Keys.Any(layer => name == layer + ".weight"));
        return training.Optimizer switch
        {
            "adamw" => new AdamW(parameters, adam, rateFactor),
            "adamw8bit" => new AdamW8Bit(parameters, adam, rateFactor),
            "adafactor" => new Adafactor(parameters, training.WeightDecay, rateFactor),
            "lion" => new Lion(parameters, training.Beta1, training.Beta2, training.WeightDecay, rateFactor),
            "sgd" => new Sgd(parameters, training.Momentum ?? 0, training.WeightDecay, rateFactor),
            "muon" => new Muon(parameters, adam, training.Momentum ?? 0.95, IsHidden, rateFactor),
            "galore" => new GaLore(parameters, adam, new GaLoreOptions(training.GaLoreRank, training.GaLoreInterval,
                training.GaLoreFactor), IsHidden, rateFactor),
            _ => throw new ArgumentException($"unknown optimizer {training.Optimizer}"),
        };
    }
}
