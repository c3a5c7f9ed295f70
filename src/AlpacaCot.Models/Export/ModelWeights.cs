using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>The weights of a model for export: its checkpoint's, with the adapter merged.</summary>
public static class ModelWeights
{
    /// <summary>
    /// Every tensor of the checkpoint under its own name. A layer with an adapter gives W + ΔW, computed in fp32 and rounded
    /// once; a tied head becomes a separate weight (<c>lm_head.weight</c>) where it or the embedding has an adapter.
    /// </summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="model">The model built from it, with the adapter on its layers.</param>
    /// <param name="type">The type of floating-point weights; null: the checkpoint's types.</param>
    /// <exception cref="InputException">The adapter cannot be merged into weights.</exception>
    public static IReadOnlyList<ExportTensor> Of(ModelFolder folder, CausalModel model, ScalarType? type = null)
    {
        if (model.IsQuantized) return [.. Expanded(model).Select(w => type is { } narrow && IsReal(w.DType) ? w.As(narrow) : w)];
        var changed = Changed(model).ToDictionary(c => Stored(folder, c.Name));
        // A copy of a tied head is left out: it would differ from an embedding that was trained.
        var copy = model.IsHeadTied ? Stored(folder, model.Head.Name + ".weight") : null;
        List<ExportTensor> weights = [.. folder.Entries.Values.Where(entry => entry.Name != copy).Select(entry =>
            changed.Remove(entry.Name, out var own)
            ? own.Weight(entry.Name, type ?? entry.DType)
            : new ExportTensor(entry.Name, entry.DType, entry.Shape, () => folder.Read(entry.Name))
                .As(IsReal(entry.DType) ? type ?? entry.DType : entry.DType))];
        foreach (var (name, own) in changed) weights.Add(own.Weight(name, type ?? own.Base));
        return weights;
    }

    private static long[] StoredShape(Linear layer) =>
        layer.AsStored(Tensors.Empty([layer.Outputs, layer.Inputs], ScalarType.Float32, META)).shape;

    // A quantized model is exported in fp32: the codes of a sum are not the sum of the codes.
    private static IEnumerable<ExportTensor> Expanded(CausalModel model)
    {
        var changed = Changed(model).ToDictionary(c => c.Name);
        foreach (var (name, weight) in model.Parameters)
            if (!changed.ContainsKey(name))
                yield return new ExportTensor(name, weight.dtype, weight.shape, () => weight.alias());
        foreach (var own in changed.Values) yield return own.Weight(own.Name, own.Base);
        foreach (var layer in model.Linears.Values.Where(l => l.IsQuantized && !changed.ContainsKey(l.Name + ".weight")))
            yield return new ChangedWeight(layer.Name + ".weight", StoredShape(layer),
                ScalarType.Float32, () => layer.AsStored(layer.Values()),
                () => layer.AsStored(layer.Values())).Weight(layer.Name + ".weight", ScalarType.Float32);
    }

    /// <summary>The weights that the adapter changes, each with its values before and after.</summary>
    internal static IEnumerable<ChangedWeight> Changed(CausalModel model)
    {
        if (model.VirtualTokens > 0)
            throw new InputException(
                "The adapter adds virtual tokens before the prompt, which weights cannot represent, so it cannot " +
                "be merged. Use it with --adapter.");
        foreach (var (name, slot) in model.Slots)
        {
            var (module, part) = (name[..name.LastIndexOf('.')], name[(name.LastIndexOf('.') + 1)..]);
            var layer = model.Linears.GetValueOrDefault(module);
            if (part == "weight" && layer?.Adapter is { } adapter)
                yield return new(name, StoredShape(layer),
                    layer.IsQuantized ? ScalarType.Float32 : layer.Weight.dtype,
                    () => layer.AsStored(adapter.Merged(layer).Weight), () => Before(model, name, layer));
            if (part == "weight" && layer is not null && (layer.IsQuantized || layer.Adapter is not null)) continue;
            var now = slot.Get();
            if (layer?.Adapter is { } biased)
                yield return new(name, now.shape, now.dtype, () => biased.Merged(layer).Bias!,
                    () => Before(model, name, layer));
            else if (model.Embeddings.GetValueOrDefault(module) is { Adapter: { } added } table)
                yield return new(name, now.shape, now.dtype, () => added.Merged(table), () => Before(model, name));
            else if (model.Parameters.TryGetValue(name, out var original) ? now.Handle != original.Handle
                : name != model.Head.Name + ".weight" || now.Handle != model.WordEmbedding.Weight.Handle
                    || model.WordEmbedding.Adapter is not null) // a tied head uses the table without the adapter
                yield return new(name, now.shape, now.dtype, slot.Get, () => Before(model, name));
        }
    }

    // The weight as loaded: the model keeps it while an adapter acts.
    private static Tensor Before(CausalModel model, string name, Linear? layer = null) =>
        model.Parameters.TryGetValue(name, out var own) ? own.alias()
        : name == model.Head.Name + ".weight" && model.Tie.IsTied ? model.Parameters[model.WordEmbedding.Name + ".weight"].alias()
        : name.EndsWith(".weight", StringComparison.Ordinal) && layer is not null ? layer.AsStored(layer.Values())
        : model.Slots[name].Get().alias();

    private static bool IsReal(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    private static string Stored(ModelFolder folder, string name) => WeightNames.Stored(name, folder.Entries.ContainsKey);
}

/// <summary>A weight changed by an adapter, computed on demand.</summary>
/// <param name="Name">The model's name of it.</param>
/// <param name="Shape">Its shape in the checkpoint.</param>
/// <param name="Base">The type of the loaded weight.</param>
/// <param name="Make">Computes the changed weight, into the caller's dispose scope.</param>
/// <param name="Before">Reads the loaded weight, into the caller's dispose scope.</param>
internal sealed record ChangedWeight(string Name, long[] Shape, ScalarType Base, Func<Tensor> Make, Func<Tensor> Before)
{
    public ExportTensor Weight(string name, ScalarType type) => new ExportTensor(name, ScalarType.Float32, Shape, () =>
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var made = Make();
        return made.detach().to(ScalarType.Float32).contiguous().clone().MoveToOuterDisposeScope();
    }).As(type);
}
