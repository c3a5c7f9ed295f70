using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The adapter methods this build knows. A new one is one file and one line here.</summary>
public static class AdapterMethods
{
    /// <summary>Every method.</summary>
    public static IReadOnlyList<AdapterMethod> All { get; } =
    [
        Lora.Method, AdaLora.Method, Vera.Method, Loha.Method, Lokr.Method, Oft.Method, Ia3.Method, LayerNormTuning.Method,
        PromptTuning.Method, PTuning.Method, PrefixTuning.Method, PTuningV2.Method, Bottleneck.Method, BitFit.Method,
        Freeze.Method,
    ];

    /// <summary>The words for <c>adapter.method</c> in a recipe; one method may have several.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.SelectMany(m => m.Names)];

    /// <summary>The method that a recipe names; null for an unknown word.</summary>
    public static AdapterMethod? Named(string name) => All.FirstOrDefault(m => m.Names.Contains(name));

    /// <summary>Puts a saved adapter on a model, whatever its method.</summary>
    /// <exception cref="InputException">The folder is broken, of an unknown method, or made for another model.</exception>
    public static Adapter Load(CausalModel model, string folder)
    {
        using var scope = NewDisposeScope();
        var (config, tensors) = AdapterFolder.Read(folder);
        return Make(model, config, tensors, folder);
    }

    /// <summary>Puts an adapter with given weights on a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The method and its settings.</param>
    /// <param name="tensors">The weights by their names in a folder; they stay the caller's.</param>
    /// <param name="source">Where they come from, for messages.</param>
    /// <exception cref="InputException">They are for another model.</exception>
    public static Adapter Make(
        CausalModel model, AdapterConfig config, IReadOnlyDictionary<string, Tensor> tensors, string source)
    {
        var weights = AdapterWeights.Saved(tensors);
        return Make(model, config, weights, () => weights.RequireAllUsed(source));
    }

    /// <summary>Puts a fresh adapter on a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The method and its settings.</param>
    /// <param name="seed">Of the weights that start at random.</param>
    /// <exception cref="InputException">The method's targets name nothing in the model, or it cannot work on it.</exception>
    public static Adapter Attach(CausalModel model, AdapterConfig config, long seed) =>
        Make(model, config, AdapterWeights.Fresh(seed), () => { });

    /// <summary>Puts an adapter without memory on a model without memory, to be counted.</summary>
    /// <exception cref="InputException">As for a real one.</exception>
    public static Adapter Count(CausalModel model, AdapterConfig config) =>
        Make(model, config, AdapterWeights.Shapes(), () => { });

    private static Adapter Make(CausalModel model, AdapterConfig config, AdapterWeights weights, Action check)
    {
        using var scope = NewDisposeScope(); // what a method's start leaves behind
        var parts = new AdapterBuilder(model, weights);
        try
        {
            config.Method.Attach(config, parts);
            SaveModules(config, parts);
            check();
            return new Adapter(config, parts);
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    // Modules trained in full beside the adapter, such as embeddings and head.
    private static void SaveModules(AdapterConfig config, AdapterBuilder parts)
    {
        foreach (var wanted in config.ModulesToSave)
        {
            var found = parts.Model.Slots.Keys.Where(name => !parts.Trained.ContainsKey(name) &&
                new Targets { Modules = [wanted] }.Names(name[..name.LastIndexOf('.')])).ToList();
            if (found.Count == 0) throw new Targets { Modules = [wanted] }.Nothing("module",
                parts.Model.Slots.Keys.Select(name => name[..name.LastIndexOf('.')]));
            foreach (var name in found) parts.TrainInPlace(name);
        }
    }
}
