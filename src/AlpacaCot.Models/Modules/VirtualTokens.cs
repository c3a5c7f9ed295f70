using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Trained vectors read before every sequence as if they were tokens' (prompt tuning).</summary>
/// <param name="Count">How many, n.</param>
/// <param name="Vectors">They, <c>[n, width of the embedding]</c>; called once a pass.</param>
public sealed record SoftPrompt(int Count, Func<Tensor> Vectors);

/// <summary>Trained keys and values before those of every sequence, in every layer (prefix tuning).</summary>
/// <param name="Count">How many, n.</param>
/// <param name="TakesPositions">Whether the first real token stands at position n rather than 0.</param>
/// <param name="Layers">Keys and values of each layer, <c>[1, kv heads, n, d]</c>; called once a pass.</param>
public sealed record KeyValuePrefix(int Count, bool TakesPositions, Func<PassMode, IReadOnlyList<(Tensor Key, Tensor Value)>> Layers);
