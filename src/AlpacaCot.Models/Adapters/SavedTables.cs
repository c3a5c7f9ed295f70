using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// Weights of the base model that an adapter file contains besides its own: PEFT saves embedding and head if the vocabulary
/// grew, or
/// if one of them has an adapter (<c>base_layer.weight</c>). They replace the base's.
/// </summary>
internal static class SavedTables
{
    private const string BaseLayer = ".base_layer.";

    /// <summary>Replaces the model's weights by saved ones that no method asked for.</summary>
    public static void Replace(AdapterBuilder builder)
    {
        foreach (var name in builder.Weights.Left)
            if (name.Replace(BaseLayer, ".", StringComparison.Ordinal) is var slot && builder.Model.Slots.ContainsKey(slot)
                && !builder.Trained.ContainsKey(slot))
                builder.Replace(slot, own => builder.AddConstant(name, own.shape, own.alias));
    }

    /// <summary>Refuses an adapter for another number of tokens than the base model has.</summary>
    /// <exception cref="InputException">The vocabulary grew before the adapter was trained.</exception>
    public static void RequireVocabulary(AdapterBuilder builder)
    {
        var (table, head) = (builder.Model.WordEmbedding.Name, builder.Model.Head.Name);
        var rows = builder.Model.WordEmbedding.Weight.shape[0];
        foreach (var (name, tokens) in new[] { table, head }.Distinct().SelectMany(Counted))
            if (tokens is { } other && other != rows)
                throw new InputException($"The adapter's {name} is for {other} tokens; the base model has {rows}: the " +
                    "vocabulary " +
                    (other > rows ? "grew before the training. Extend the base with the same tokens first (alpaca-cot extend " +
                        "--model BASE --tokens FILE --out NEW), and use the result as the base."
                        : "of this base is larger. Use the base model that the adapter was trained on."));

        IEnumerable<(string Name, long? Tokens)> Counted(string module) =>
        [
            (module + ".weight", builder.Weights.ShapeOf(module + ".weight")?[0]),
            (module + ".base_layer.weight", builder.Weights.ShapeOf(module + ".base_layer.weight")?[0]),
            (module + ".lora_embedding_A",
                builder.Weights.ShapeOf(module + ".lora_embedding_A") is [_, var columns] ? columns : null),
            (module + ".lora_B.weight", module == head ? builder.Weights.ShapeOf(module + ".lora_B.weight")?[0] : null),
        ];
    }
}
