using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>LoftQ's initialization and the base it applies to.</summary>
/// <param name="Iterations">Alternating fits of codes and factors, from 1.</param>
/// <param name="Type">
/// The quantization type of the base whose error the adapter compensates; null before the adapter is attached.
/// </param>
public sealed record LoftqConfig(int Iterations = 1, string? Type = null);

/// <summary>
/// LoftQ (Li et al., 2023): on a quantized base, B A is initialized to the best rank-r approximation of the quantization error W
/// − Q. With more than one iteration the codes change as well: W − s B A is quantized again, then B A is fitted to the new error.
/// After one iteration the base is the plain Q(W), so the result is saved as a plain LoRA for it. After more iterations the codes
/// are computed again when the adapter is loaded.
/// </summary>
internal static class Loftq
{
    /// <summary>The recipe key of the iterations.</summary>
    public static Key<LoraConfig> Iterations { get; } = Key<LoraConfig>.Whole("loftq_iterations", 1,
        "times that LoftQ fits codes and factors in turn", c => c.Loftq?.Iterations,
        (c, v) => c with { Loftq = (c.Loftq ?? new()) with { Iterations = v } });

    /// <summary>The field <c>loftq_config</c>.</summary>
    public static PeftField<LoraConfig> Field { get; } = new(Read, (config, fields) =>
    {
        if (config.Loftq is { Type: { } type } loftq)
            fields["loftq_config"] = new JsonObject
            {
                ["loftq_bits"] = type == "int8" ? 8 : 4, ["loftq_iter"] = loftq.Iterations, ["quantization"] = type,
            };
    });

    /// <summary>The configuration to save, with the base's quantization type.</summary>
    /// <exception cref="InputException">
    /// The base is not quantized, or differs from the one the adapter was trained on.
    /// </exception>
    public static LoraConfig On(IReadOnlyList<Linear> layers, LoraConfig config, AdapterBuilder builder)
    {
        if (builder.Weights.AreShapes) return config;
        var loftq = config.Loftq!;
        var type = layers.Select(l => l.Quantization).FirstOrDefault(form => form is not null);
        if (type is null && loftq.Type is null)
            throw InputException.Refusing(
                "LoftQ is initialized from the quantization error, and none of the targets is quantized: " +
                "set quantization: nf4 (or fp4, int8), or use method: lora.");
        if (loftq.Type is { } trainedOn && trainedOn != type)
            throw new InputException(
                $"The adapter was initialized by LoftQ on a base in {trainedOn} and compensates its quantization error; " +
                "this base is " +
                $"{(type is null ? "not quantized" : $"in {type}")}. Load the full model with --quantization {trainedOn}.");
        if (config.UseDora)
            throw new InputException("DoRA is initialized from the row norms of the base weight and cannot be combined with " +
                "loftq: remove one of them.");
        return config with { Loftq = loftq with { Type = type } };
    }

    /// <summary>The factors A and B of a quantized layer. With more than one iteration the layer's codes are replaced.</summary>
    public static LowRank Pair(LoraConfig config, Linear layer, AdapterBuilder builder)
    {
        var (name, rank, scale, iterations) =
            (layer.Name, config.RankOf(layer.Name), config.ScaleOf(layer.Name), config.Loftq!.Iterations);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (Math.Min(layer.Inputs, layer.Outputs) < rank)
            throw new InputException($"{name} is [{layer.Outputs}, {layer.Inputs}]: loftq cannot be initialized at rank "
                + $"{rank}; " +
                $"choose a rank of at most {Math.Min(layer.Inputs, layer.Outputs)}.");
        Tensor? a = null, b = null;
        if (!builder.Weights.AreSaved || iterations > 1)
            (a, b) = Fit(layer, rank, scale, iterations, builder, layer.Source ?? throw new InputException(
                $"{name} is stored in {layer.Quantization}, so its quantization error is unknown: " +
                $"LoftQ needs the full model with quantization: {layer.Quantization}."));
        return new LowRank(
            builder.Train($"{name}.lora_A.weight", [rank, layer.Inputs], () => a!),
            builder.Train($"{name}.lora_B.weight", [layer.Outputs, rank], () => b!), scale);
    }

    // A loftq_config without a quantization type was written by PEFT, which changes the base before training; it has no effect on
    // loading.
    private static LoraConfig Read(LoraConfig config, PeftFields fields)
    {
        if (!fields.Left.TryGetValue("loftq_config", out var found) || found.ValueKind != JsonValueKind.Object
            || !found.TryGetProperty("quantization", out var type)) return config;
        fields.Take("loftq_config");
        return type.ValueKind == JsonValueKind.String && QuantizationOptions.Names.Contains(type.GetString()!)
            && found.TryGetProperty("loftq_iter", out var count) && count.ValueKind == JsonValueKind.Number
            && count.TryGetInt32(out var iterations) && iterations > 0
            ? config with { Loftq = new LoftqConfig(iterations, type.GetString()) }
            : throw fields.Fault(
                $"loftq_config is {found.GetRawText()}; it needs loftq_iter, a whole number from 1, and quantization, " +
                $"one of {string.Join(", ", QuantizationOptions.Names)}.");
    }

    private static (Tensor A, Tensor B) Fit(Linear layer, int rank, double scale, int iterations, AdapterBuilder builder,
        FullWeight source)
    {
        var full = source.Read().to(ScalarType.Float32).to(builder.Model.Compute.Device);
        var matrix = layer.Matrix;
        var (a, b) = Pissa.Start(full - matrix.Expand(), rank, scale);
        for (var i = 1; i < iterations; i++)
        {
            if (matrix != layer.Matrix) matrix.Dispose();
            matrix = source.Options.Quantize(full.add(b.matmul(a), alpha: Number(-scale)));
            (a, b) = Pissa.Start(full - matrix.Expand(), rank, scale);
        }
        if (matrix != layer.Matrix) builder.Put(layer, matrix);
        return (a, b);
    }
}
