using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The registry of adapter methods. Adding a method takes one file and one entry here.</summary>
public static class AdapterMethods
{
    /// <summary>Every method, in the order of documentation.</summary>
    public static IReadOnlyList<AdapterMethod> All { get; } =
    [
        Lora.Method, AdaLora.Method, Vera.Method, Loha.Method, Lokr.Method, Oft.Method, Ia3.Method, LayerNormTuning.Method,
        PromptTuning.Method, PTuning.Method, PrefixTuning.Method, PTuningV2.Method, Bottleneck.Method, BitFit.Method,
        Freeze.Method,
    ];

    /// <summary>The values of <c>adapter.method</c> in a recipe; a method may have several.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.SelectMany(m => m.Names)];

    /// <summary>The method with this recipe name; null if unknown.</summary>
    public static AdapterMethod? Named(string name) => All.FirstOrDefault(m => m.Names.Contains(name));

    /// <summary>Loads a saved adapter of any method onto a model.</summary>
    /// <exception cref="InputException">The folder is invalid, has an unknown method, or was made for another model.</exception>
    public static Adapter Load(CausalModel model, string folder)
    {
        using var scope = NewDisposeScope();
        var (config, tensors) = AdapterFolder.Read(folder);
        return InputBoundary.Read(folder, () => Make(model, config, tensors, folder));
    }

    /// <summary>Attaches an adapter with the given weights to a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The method and its settings.</param>
    /// <param name="tensors">The weights by their names in a saved adapter; copied, so the caller keeps ownership.</param>
    /// <param name="source">The origin of the weights, used in error messages.</param>
    /// <exception cref="InputException">The weights do not match the model.</exception>
    public static Adapter Make(
        CausalModel model, AdapterConfig config, IReadOnlyDictionary<string, Tensor> tensors, string source)
    {
        var weights = AdapterWeights.Saved(AdapterNames.On(model, tensors));
        return Make(model, config, weights, () => weights.RequireAllUsed(source));
    }

    /// <summary>Attaches a newly initialized adapter to a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The method and its settings.</param>
    /// <param name="seed">The seed of the random initialization.</param>
    /// <exception cref="InputException">
    /// No module of the model matches the targets, or the method cannot be applied to this model.
    /// </exception>
    public static Adapter Attach(CausalModel model, AdapterConfig config, long seed) =>
        Make(model, config, AdapterWeights.Fresh(seed), () => { });

    /// <summary>Attaches an adapter of shapes only (no memory) to a model of shapes only, to count its parameters.</summary>
    /// <exception cref="InputException">As for <see cref="Attach"/>.</exception>
    public static Adapter Count(CausalModel model, AdapterConfig config) =>
        Make(model, config, AdapterWeights.Shapes(), () => { });

    private static Adapter Make(CausalModel model, AdapterConfig config, AdapterWeights weights, Action check)
    {
        using var scope = NewDisposeScope(); // frees the temporaries of the initialization
        var builder = new AdapterBuilder(model, weights);
        try
        {
            SavedTables.RequireVocabulary(builder);
            config.Method.Attach(config, builder);
            SaveModules(config, builder);
            SavedTables.Replace(builder);
            check();
            return new Adapter(config, builder);
        }
        catch
        {
            builder.Dispose();
            throw;
        }
    }

    // Modules trained in full together with the adapter, such as embeddings and head.
    private static void SaveModules(AdapterConfig config, AdapterBuilder builder)
    {
        foreach (var module in config.ModulesToSave)
        {
            var found = builder.Model.Slots.Keys.Where(name => !builder.Trained.ContainsKey(name) &&
                new Targets { Modules = [module] }.Names(name[..name.LastIndexOf('.')])).ToList();
            if (found.Count == 0) throw new Targets { Modules = [module] }.Nothing("module",
                builder.Model.Slots.Keys.Select(name => name[..name.LastIndexOf('.')]));
            foreach (var name in found) builder.TrainInPlace(name);
        }
    }
}
