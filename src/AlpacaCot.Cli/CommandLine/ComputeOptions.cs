using System.CommandLine;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that set where a model computes, in which type, and how its weights are stored in memory.</summary>
internal sealed class ComputeOptions
{
    private readonly Option<string> _device = Options.OneOf("--device", "Device to compute on", "cpu", ["cpu"],
        "other devices are not supported yet");

    private readonly Option<string> _dtype = Options.OneOf("--dtype", "Type of activations", "float32", ["float32"],
        "other types are not supported yet; --weights sets the type of stored weights");

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
        _withWeights ? [_weights, _quantization, _device, _dtype] : [_quantization, _device, _dtype];

    /// <summary>Reads the options.</summary>
    /// <exception cref="InputException">--weights and --quantization are both given.</exception>
    public ModelStorage Read(ParseResult parsed)
    {
        var (weights, quantization) = (_withWeights ? parsed.GetValue(_weights) : null, parsed.GetValue(_quantization)!);
        if (weights is not null && QuantizationOptions.Parse(quantization) is not null)
            throw new InputException($"--weights {weights} and --quantization {quantization} both set how weights are stored; "
                + "leave out one of them");
        var compute = new Compute(device(parsed.GetValue(_device)!), parsed.GetValue(_dtype) switch
        {
            "float32" => ScalarType.Float32,
            var other => throw new InputException($"--dtype {other} is not supported"),
        });
        compute.Check();
        return new(compute, weights, quantization);
    }
}

/// <summary>Where a model computes and how its weights are stored in memory.</summary>
/// <param name="Compute">Device and type of activations; null: the CPU in fp32.</param>
/// <param name="Weights">The value of <c>--weights</c>; null: as stored.</param>
/// <param name="Quantization">The value of <c>--quantization</c>; null or <c>none</c>: as stored.</param>
internal sealed record ModelStorage(Compute? Compute = null, string? Weights = null, string? Quantization = null);
