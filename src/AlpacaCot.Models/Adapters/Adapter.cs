using AlpacaCot.Models.Checkpoints.Formats;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// An adapter of any method on a model. Several may be made for one model; one at a time is switched on.
/// </summary>
public sealed class Adapter : IAdapter
{
    private const string StateFile = "adapter_state.safetensors";

    private readonly AdapterBuilder _parts;

    internal Adapter(AdapterConfig config, AdapterBuilder parts)
    {
        (Config, this._parts) = (config, parts);
        Enable();
    }

    /// <summary>The configuration.</summary>
    public AdapterConfig Config { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Parameters => _parts.Trained;

    /// <summary>Whether the model computes with it.</summary>
    public bool IsOn { get; private set; }

    /// <summary>Puts it into the model; another one must be taken out first.</summary>
    public void Enable()
    {
        if (IsOn) return;
        foreach (var (on, _) in _parts.Hooks) on();
        _parts.Model.Version++;
        IsOn = true;
    }

    /// <summary>Takes it out: the model is what it was.</summary>
    public void Disable()
    {
        if (!IsOn) return;
        foreach (var (_, off) in _parts.Hooks) off();
        _parts.Model.Version++;
        IsOn = false;
    }

    /// <inheritdoc/>
    public IDisposable Suspend() => new Suspension(this);

    /// <inheritdoc/>
    public void Save(string folder)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        AdapterFolder.Write(folder, _parts.Saved?.Config() ?? _parts.SavedConfig ?? Config, [.. Saved()]);
    }

    /// <inheritdoc/>
    public void SaveCheckpoint(string folder)
    {
        Save(folder);
        if (_parts.Saved is null) return;
        IEnumerable<KeyValuePair<string, Tensor>> state = _parts.Training.State;
        state = state.Concat(Parameters);
        SafetensorsWriter.Write(Path.Combine(folder, StateFile), [.. state.Select(p => (p.Key, p.Value))]);
    }

    /// <inheritdoc/>
    public void Restore(string folder)
    {
        using var quiet = no_grad();
        if (Path.Combine(folder, StateFile) is var path && File.Exists(path))
        {
            using var state = SafetensorsFile.Open(path);
            foreach (var (name, weight) in _parts.Training.State.Concat(Parameters)) Copy(state.Read(name), weight);
            return;
        }
        var (_, saved) = AdapterFolder.Read(folder);
        foreach (var (name, tensor) in saved)
            if (Parameters.TryGetValue(name, out var weight)) Copy(tensor, weight);
            else tensor.Dispose();
    }

    /// <inheritdoc/>
    public void Begin(int totalSteps) => _parts.Training.Begin?.Invoke(totalSteps);

    /// <inheritdoc/>
    public double RateFactor(string name) => _parts.Training.RateFactor?.Invoke(name) ?? 1;

    /// <inheritdoc/>
    public Tensor? Penalty() => _parts.Training.Penalty?.Invoke();

    /// <inheritdoc/>
    public void Step(int step, double scale, Action optimize)
    {
        if (_parts.Training.Step is { } own) own(step, scale, optimize);
        else optimize();
    }

    /// <summary>Takes it out of the model and frees it.</summary>
    public void Dispose()
    {
        Disable();
        _parts.Dispose();
    }

    private IEnumerable<(string, Tensor)> Saved() => _parts.Saved?.Tensors()
        ?? _parts.Trained.Concat(_parts.Constant).Select(p => (p.Key, p.Value));

    private static void Copy(Tensor from, Tensor to)
    {
        using (from) to.copy_(from);
    }

    private sealed class Suspension : IDisposable
    {
        private Adapter? _suspended; // null: it was off before, or is back on

        public Suspension(Adapter adapter)
        {
            if (!adapter.IsOn) return;
            _suspended = adapter;
            adapter.Disable();
        }

        public void Dispose()
        {
            _suspended?.Enable();
            _suspended = null;
        }
    }
}
