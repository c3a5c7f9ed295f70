using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Gguf;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>The difference of two models' logits on the same tokens.</summary>
/// <param name="LargestDifference">The largest absolute difference of two logits.</param>
/// <param name="LargestLogit">The largest absolute logit of the first model.</param>
/// <param name="Tokens">The number of positions compared.</param>
public sealed record LogitComparison(double LargestDifference, double LargestLogit, int Tokens)
{
    private const int Length = 32, Stride = 7919; // a prime: the tokens are spread over the vocabulary

    /// <summary>The largest difference relative to the largest logit.</summary>
    public double Relative => LargestDifference / Math.Max(LargestLogit, 1e-9);

    /// <summary>Compares two models on a fixed token sequence.</summary>
    /// <param name="first">The reference model.</param>
    /// <param name="second">The compared model.</param>
    /// <param name="vocabulary">Only token ids below this one are compared; null: all ids of the first model.</param>
    public static LogitComparison Of(LanguageModel first, LanguageModel second, int? vocabulary = null)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var known = Math.Min(vocabulary ?? int.MaxValue, first.Model.Shape.Vocabulary);
        var ids = Probe(first, known);
        var input = Tensors.Of(ids, [1, ids.Length], CPU);
        var (expected, actual) = (Logits(first), Logits(second));
        var difference = (expected - actual).abs().max().item<float>();
        var largest = expected.abs().max().item<float>();
        return new LogitComparison(float.IsNaN(difference) ? double.PositiveInfinity : difference, largest, ids.Length);

        Tensor Logits(LanguageModel model) => model.Model.Logits(new ModelInput(input)).narrow(2, 0, known);
    }

    /// <summary>
    /// The relative difference explained by rounding to a type; a wrong name, order or scale of the weights gives about 1.
    /// </summary>
    internal static double ToleranceOf(IEnumerable<ScalarType> written, ModelFolder source)
    {
        var types = written.ToHashSet();
        var kept = source.Entries.Values.Select(e => e.DType).ToHashSet();
        return types.Contains(ScalarType.BFloat16) ? 0.1 : types.Contains(ScalarType.Float16) ? 0.02
            : kept.Contains(ScalarType.Float64) ? 1e-3 : 1e-4;
    }

    /// <summary>As above, for the types of GGUF.</summary>
    internal static double ToleranceOf(GgufType type) =>
        type == GgufType.F32 ? 1e-4 : type == GgufType.F16 ? 0.02 : type == GgufType.BF16 ? 0.1 : type == GgufType.Q8 ? 0.15
            : 0.7;

    // A prefix language model needs its special tokens, which its configuration lists.
    private static long[] Probe(LanguageModel model, long known)
    {
        var config = model.Checkpoint.Config;
        long[] specials = model.Model.IsCausal ? [] : [.. new[] { "gmask_token_id", "bos_token_id" }
            .Select(special => config.TryGetProperty(special, out var value) && value.ValueKind == JsonValueKind.Number
                && value.TryGetInt64(out var id) && id < known ? id : -1).Where(id => id >= 0)];
        var vocabulary = specials.Prepend(known).Min();
        var plain = Enumerable.Range(1, Length).Select(i => (long)i * Stride % vocabulary).ToList();
        return specials.Length == 0 ? [.. plain] : [.. plain, .. specials, .. plain.Take(4)];
    }
}
