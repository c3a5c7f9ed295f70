using System.CommandLine;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that set where a model computes, in which type, and how its weights are stored in memory.</summary>
internal sealed class ComputeOptions
{
    private readonly DeviceOptions _device = new();

    private readonly Option<string?> _weights = new Option<string?>("--weights")
    {
        Description = "Type of the weight matrices in memory; int8 and int4 (GGUF's Q8_0 and Q4_0) are fastest. "
            + "Default: as stored in the model",
    }.Among(["fp32", "bf16", "int8", "int4"]);

    private readonly Option<string> _quantization = Options.Quantization();
    private readonly bool _withWeights;

    /// <param name="withWeights">Whether the command also takes <c>--weights</c>.</param>
    public ComputeOptions(bool withWeights) => _withWeights = withWeights;

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All =>
        _withWeights ? [_weights, _quantization, .. _device.All] : [_quantization, .. _device.All];

    /// <summary>Reads the options.</summary>
    /// <exception cref="InputException">The options exclude each other, or there is no such device.</exception>
    public ModelStorage Read(ParseResult parsed)
    {
        var (weights, quantization) = (_withWeights ? parsed.GetValue(_weights) : null, parsed.GetValue(_quantization)!);
        if (weights is not null && QuantizationOptions.Parse(quantization) is not null)
            throw new InputException($"--weights {weights} and --quantization {quantization} both set how weights are stored; "
                + "leave out one of them");
        var compute = _device.Read(parsed);
        if (weights is "int8" or "int4")
        {
            DeviceChoice.RequireCpu(compute, $"--weights {weights}", "use --quantization int8 or nf4");
            if (compute.Activations != ScalarType.Float32)
                throw new InputException($"--weights {weights} multiplies activations in float32; leave out --dtype bfloat16, or "
                    + "use --quantization int8 or nf4");
        }
        return new(compute, weights, quantization);
    }
}

/// <summary>Where a model computes and how its weights are stored in memory.</summary>
/// <param name="Compute">Device and type of activations; null: the CPU in fp32.</param>
/// <param name="Weights">The value of <c>--weights</c>; null: as stored.</param>
/// <param name="Quantization">The value of <c>--quantization</c>; null or <c>none</c>: as stored.</param>
internal sealed record ModelStorage(Compute? Compute = null, string? Weights = null, string? Quantization = null);
