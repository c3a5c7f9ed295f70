using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Trained vectors that precede every sequence like token embeddings (prompt tuning).</summary>
/// <param name="Count">The number of virtual tokens, n.</param>
/// <param name="Vectors">Computes the vectors, <c>[n, width of the embedding]</c>; called once per pass.</param>
public sealed record SoftPrompt(int Count, Func<Tensor> Vectors);

/// <summary>Trained keys and values that precede those of every sequence in every layer (prefix tuning).</summary>
/// <param name="Count">The number of virtual tokens, n.</param>
/// <param name="TakesPositions">Whether the first real token has position n rather than 0.</param>
/// <param name="Layers">Computes keys and values per layer, <c>[1, kv heads, n, d]</c>; called once per pass.</param>
public sealed record KeyValuePrefix(
    int Count, bool TakesPositions, Func<PassMode, IReadOnlyList<(Tensor Key, Tensor Value)>> Layers);
