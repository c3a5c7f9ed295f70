using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>How LoftQ starts, and on which base.</summary>
/// <param name="Iterations">Times that codes and factors are fitted in turn.</param>
/// <param name="Type">The form of the base that the adapter makes up for; null before it is on one.</param>
public sealed record LoftqConfig(int Iterations = 1, string? Type = null);

/// <summary>
/// LoftQ (Li et al., 2023): on a quantized base, B A starts at the best approximation of what quantization took, W − Q. With more
/// than one iteration the codes change as well: Q is made again of what B A leaves, W − s B A, and B A of the new error. After
/// one iteration the base is the plain Q(W), so that what is saved is a plain LoRA for it; of more, the codes are made again in
/// loading.
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

    /// <summary>The configuration to save: with the form of the base.</summary>
    /// <exception cref="InputException">The base is not the one that the adapter is for.</exception>
    public static LoraConfig On(IReadOnlyList<Linear> layers, LoraConfig config, AdapterBuilder parts)
    {
        if (parts.Weights.AreShapes) return config;
        var loftq = config.Loftq!;
        var type = layers.Select(l => l.Quantization).FirstOrDefault(form => form is not null);
        if (type is null && loftq.Type is null)
            throw InputException.Refusing(
                "LoftQ starts at what quantization took from the weights, and none of the targets is quantized: " +
                "say quantization: nf4 (or fp4, int8), or take method: lora.");
        if (loftq.Type is { } made && made != type)
            throw new InputException(
                $"The adapter was started by LoftQ on a base in {made} and makes up for what that took; this base is " +
                $"{(type is null ? "not quantized" : $"in {type}")}. Load the full model with --quantization {made}.");
        if (config.UseDora) throw new InputException("DoRA starts from the base's own lengths: leave out loftq.");
        return config with { Loftq = loftq with { Type = type } };
    }

    /// <summary>The factors on a quantized layer; puts other codes there where the iterations ask for them.</summary>
    public static LowRank Pair(LoraConfig config, Linear layer, AdapterBuilder parts)
    {
        var (name, rank, scale, iterations) =
            (layer.Name, config.RankOf(layer.Name), config.ScaleOf(layer.Name), config.Loftq!.Iterations);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        if (Math.Min(layer.Inputs, layer.Outputs) < rank)
            throw new InputException($"{name} is [{layer.Outputs}, {layer.Inputs}]: loftq cannot start at rank {rank} there.");
        Tensor? a = null, b = null;
        if (!parts.Weights.AreSaved || iterations > 1)
            (a, b) = Fit(layer, rank, scale, iterations, parts, layer.Source ?? throw new InputException(
                $"{name} is stored in {layer.Quantization}, so what quantization took from it is not known: LoftQ needs the full model with " +
                $"quantization: {layer.Quantization}."));
        return new LowRank(
            parts.Train($"{name}.lora_A.weight", [rank, layer.Inputs], () => a!),
            parts.Train($"{name}.lora_B.weight", [layer.Outputs, rank], () => b!), scale);
    }

    // One that names no form was written by PEFT, after the base was changed for it; it means nothing in loading.
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

    private static (Tensor A, Tensor B) Fit(Linear layer, int rank, double scale, int iterations, AdapterBuilder parts,
        FullWeight source)
    {
        var full = source.Read().to(ScalarType.Float32).to(parts.Model.Compute.Device);
        var matrix = layer.Matrix;
        var (a, b) = Pissa.Start(full - matrix.Expand(), rank, scale);
        for (var i = 1; i < iterations; i++)
        {
            if (matrix != layer.Matrix) matrix.Dispose();
            matrix = source.Options.Quantize(full.add(b.matmul(a), alpha: Number(-scale)));
            (a, b) = Pissa.Start(full - matrix.Expand(), rank, scale);
        }
        if (matrix != layer.Matrix) parts.Put(layer, matrix);
        return (a, b);
    }
}
