using AlpacaCot.Models.Checkpoints;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>The weights of a model as they leave it: those of its checkpoint, with its adapter folded in.</summary>
public static class ModelWeights
{
    /// <summary>
    /// Every tensor of the checkpoint under its own name. A layer with an adapter gives W + ΔW, computed in fp32 and rounded
    /// once; a tied head with an adapter gets a weight of its own (<c>lm_head.weight</c>).
    /// </summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="model">The model built from it, with the adapter on its layers.</param>
    /// <param name="type">The type of all that is not integer; null: each as the checkpoint has it.</param>
    public static IReadOnlyList<OutgoingWeight> Of(ModelFolder folder, CausalModel model, ScalarType? type = null)
    {
        if (model.IsQuantized) return [.. Expanded(model).Select(w => type is { } narrow && IsReal(w.DType) ? w.As(narrow) : w)];
        var adapted = model.Linears.Values.Where(l => l.Adapter is not null).ToDictionary(l => Stored(folder,
            l.Name + ".weight"));
        List<OutgoingWeight> weights = [.. folder.Entries.Values.Select(entry => adapted.Remove(entry.Name, out var layer)
            ? Merged(entry.Name, type ?? entry.DType, layer)
            : new OutgoingWeight(entry.Name, entry.DType, entry.Shape, () => folder.Read(entry.Name))
                .As(IsReal(entry.DType) ? type ?? entry.DType : entry.DType))];
        foreach (var (name, layer) in adapted) weights.Add(Merged(name, type ?? layer.Weight.dtype, layer));
        return weights;
    }

    /// <summary>Whether the adapter sits on a head that shares its weight with the embedding, which merging must part.</summary>
    public static bool PartsTiedHead(ModelFolder folder, CausalModel model) =>
        model.Head.Adapter is not null && !folder.Entries.ContainsKey(Stored(folder, model.Head.Name + ".weight"));

    // Of a quantized model: every matrix in fp32, for the codes of a sum are not the sum of the codes.
    private static IEnumerable<OutgoingWeight> Expanded(CausalModel model)
    {
        var layers = model.Linears.Values.Where(l => l.IsQuantized || l.Adapter is not null).ToDictionary(l => l.Name + ".weight");
        foreach (var (name, weight) in model.Parameters)
            if (!layers.ContainsKey(name)) yield return new OutgoingWeight(name, weight.dtype, weight.shape, () => weight.alias());
        foreach (var (name, layer) in layers) yield return Merged(name, ScalarType.Float32, layer);
    }

    private static OutgoingWeight Merged(string name, ScalarType type, Linear layer)
    {
        var shape = layer.AsStored(empty(layer.Outputs, layer.Inputs, device: META)).shape;
        return new OutgoingWeight(name, ScalarType.Float32, shape, () =>
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var whole = layer.Adapter?.Merged(layer) ?? layer.Matrix.Expand().clone();
            return layer.AsStored(whole).contiguous().MoveToOuterDisposeScope();
        }).As(type);
    }

    private static bool IsReal(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    // A checkpoint of the bare base model lacks the first part of the name.
    private static string Stored(ModelFolder folder, string name)
    {
        var bare = name[(name.IndexOf('.') + 1)..];
        return !folder.Entries.ContainsKey(name) && folder.Entries.ContainsKey(bare) ? bare : name;
    }
}
