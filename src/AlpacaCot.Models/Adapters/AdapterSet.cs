using AlpacaCot.Models.Families;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>Named adapters on one model, of which at most one is enabled. Switching copies no weights.</summary>
public sealed class AdapterSet(CausalModel model) : IDisposable
{
    private readonly Dictionary<string, Adapter> _adapters = [];

    /// <summary>The names of the loaded adapters.</summary>
    public IReadOnlyCollection<string> Names => _adapters.Keys;

    /// <summary>The name of the enabled adapter, or null.</summary>
    public string? Current { get; private set; }

    /// <summary>Loads an adapter; the enabled adapter does not change.</summary>
    /// <exception cref="InputException">The adapter does not match the model, or the name is in use.</exception>
    public void Load(string name, string folder) => Add(name, () => AdapterMethods.Load(model, folder));

    /// <summary>Adds a weighted combination of loaded LoRA adapters.</summary>
    /// <exception cref="InputException">The adapters cannot be combined in this way, or the name is in use.</exception>
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

    /// <summary>Enables an adapter and disables the current one; null: the base model.</summary>
    /// <exception cref="InputException">No adapter has this name.</exception>
    public void Use(string? name)
    {
        var next = name is null ? null : Named(name);
        if (Current is not null) _adapters[Current].Disable();
        next?.Enable();
        Current = name;
    }

    /// <summary>Disables and frees all adapters.</summary>
    public void Dispose()
    {
        Use(null);
        foreach (var adapter in _adapters.Values) adapter.Dispose();
    }

    private Adapter Named(string name) => _adapters.GetValueOrDefault(name)
        ?? throw new InputException($"No adapter named {name} is loaded. {Spelling.Suggestion(name, _adapters.Keys)}");

    private void Add(string name, Func<Adapter> make)
    {
        if (_adapters.ContainsKey(name))
            throw new InputException($"An adapter named {name} is already loaded; choose another name.");
        var before = Current;
        Use(null); // an adapter is initialized from the base model
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
