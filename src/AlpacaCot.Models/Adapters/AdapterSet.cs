using AlpacaCot.Models.Families;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>Several adapters loaded on one model by name, one of them, or none, switched on: a switch copies nothing.</summary>
public sealed class AdapterSet(CausalModel model) : IDisposable
{
    private readonly Dictionary<string, Adapter> _adapters = [];

    /// <summary>The names.</summary>
    public IReadOnlyCollection<string> Names => _adapters.Keys;

    /// <summary>The one that is switched on, or null.</summary>
    public string? Current { get; private set; }

    /// <summary>Loads one more; what is switched on stays so.</summary>
    /// <exception cref="InputException">It does not fit the model, or the name is taken.</exception>
    public void Load(string name, string folder) => Add(name, () => AdapterMethods.Load(model, folder));

    /// <summary>Adds a weighted combination of LoRA adapters that are loaded.</summary>
    /// <exception cref="InputException">They cannot be combined so, or the name is taken.</exception>
    public void Combine(string name, IReadOnlyList<(string Name, double Weight)> parts, LoraCombinationKind kind,
        int? rank = null)
    {
        var (config, tensors) = LoraCombination.Of([.. parts.Select(p => (Named(p.Name), p.Weight))], kind, rank);
        try
        {
            Add(name, () => AdapterMethods.Make(model, config, tensors, $"the combination {name}"));
        }
        finally
        {
            foreach (var tensor in tensors.Values) tensor.Dispose();
        }
    }

    /// <summary>Switches to an adapter; null: to the base model.</summary>
    /// <exception cref="InputException">There is none of this name.</exception>
    public void Use(string? name)
    {
        var next = name is null ? null : Named(name);
        if (Current is not null) _adapters[Current].Disable();
        next?.Enable();
        Current = name;
    }

    /// <summary>Takes all out of the model and frees them.</summary>
    public void Dispose()
    {
        Use(null);
        foreach (var adapter in _adapters.Values) adapter.Dispose();
    }

    private Adapter Named(string name) => _adapters.GetValueOrDefault(name)
        ?? throw new InputException($"No adapter is called {name}. {Spelling.Suggestion(name, _adapters.Keys)}");

    private void Add(string name, Func<Adapter> make)
    {
        if (_adapters.ContainsKey(name)) throw new InputException($"An adapter is called {name} already.");
        var before = Current;
        Use(null); // an adapter starts from the base model
        try
        {
            var made = make();
            made.Disable();
            _adapters.Add(name, made);
        }
        finally
        {
            Use(before);
        }
    }
}
