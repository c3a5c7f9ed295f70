using AlpacaCot.Models.Checkpoints.Formats;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// An adapter of any method attached to a model. A model can have several adapters, of which at most one is enabled at a time.
/// </summary>
public sealed class Adapter : IAdapter
{
    private const string StateFile = "adapter_state.safetensors";

    private readonly AdapterBuilder _builder;

    internal Adapter(AdapterConfig config, AdapterBuilder builder)
    {
        (Config, this._builder) = (config, builder);
        Enable();
    }

    /// <summary>The method and its settings.</summary>
    public AdapterConfig Config { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Parameters => _builder.Trained;

    /// <summary>Whether the adapter is enabled, so that the model's output includes it.</summary>
    public bool IsOn { get; private set; }

    /// <summary>Enables the adapter. Another enabled adapter must be disabled first.</summary>
    public void Enable()
    {
        if (IsOn) return;
        foreach (var (on, _) in _builder.Hooks) on();
        _builder.Model.Version++;
        IsOn = true;
    }

    /// <summary>Disables the adapter: the model computes as before it was attached.</summary>
    public void Disable()
    {
        if (!IsOn) return;
        foreach (var (_, off) in _builder.Hooks) off();
        _builder.Model.Version++;
        IsOn = false;
    }

    /// <inheritdoc/>
    public IDisposable Suspend() => new Suspension(this);

    /// <inheritdoc/>
    public void Save(string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        AdapterFolder.Write(folder, _builder.Saved?.Config() ?? _builder.SavedConfig ?? Config, [.. Saved()]);
    }

    /// <inheritdoc/>
    public void SaveCheckpoint(string folder)
    {
        Save(folder);
        if (_builder.Saved is null) return;
        IEnumerable<KeyValuePair<string, Tensor>> state = _builder.Training.State;
        state = state.Concat(Parameters);
        SafetensorsWriter.Write(Path.Combine(folder, StateFile), [.. state.Select(p => (p.Key, p.Value))]);
    }

    /// <inheritdoc/>
    public void Restore(string folder)
    {
        using var noGrad = no_grad();
        if (Path.Combine(folder, StateFile) is var path && File.Exists(path))
        {
            using var state = SafetensorsFile.Open(path);
            foreach (var (name, weight) in _builder.Training.State.Concat(Parameters)) Copy(state.Read(name), weight);
            return;
        }
        var (_, saved) = AdapterFolder.Read(folder);
        foreach (var (name, tensor) in saved)
            if (Parameters.TryGetValue(name, out var weight)) Copy(tensor, weight);
            else tensor.Dispose();
    }

    /// <inheritdoc/>
    public void Begin(int totalSteps) => _builder.Training.Begin?.Invoke(totalSteps);

    /// <inheritdoc/>
    public double RateFactor(string name) => _builder.Training.RateFactor?.Invoke(name) ?? 1;

    /// <inheritdoc/>
    public Tensor? Penalty() => _builder.Training.Penalty?.Invoke();

    /// <inheritdoc/>
    public void Step(int step, double scale, Action optimize)
    {
        if (_builder.Training.Step is { } own) own(step, scale, optimize);
        else optimize();
    }

    /// <summary>Disables the adapter and frees its tensors.</summary>
    public void Dispose()
    {
        Disable();
        _builder.Dispose();
    }

    private IEnumerable<(string, Tensor)> Saved() => _builder.Saved?.Tensors()
        ?? _builder.Trained.Concat(_builder.Constant).Select(p => (p.Key, p.Value));

    private static void Copy(Tensor from, Tensor to)
    {
        using (from) to.copy_(from);
    }

    private sealed class Suspension : IDisposable
    {
        private Adapter? _suspended; // null: the adapter was not enabled, or is enabled again

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
