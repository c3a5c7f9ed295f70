using System.CommandLine;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that set where a model computes, and in which type.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string?> _device = Device();

    private readonly Option<string?> _dtype = new Option<string?>("--dtype")
    {
        Description = "Type of the activations between layers: float32, or bfloat16, which is fast on GPUs. Default: float32, or "
            + "that of the recipe",
        HelpName = string.Join('|', DeviceChoice.Types.All),
    }.Among(DeviceChoice.Types.All);

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_device, _dtype];

    /// <summary>Finds the device.</summary>
    /// <exception cref="InputException">There is no such device, or it cannot compute in the type.</exception>
    public Compute Read(ParseResult parsed) => DeviceChoice.Of(parsed.GetValue(_device),
        parsed.GetValue(_dtype) is { } word ? DeviceChoice.Types.Find(word)!.Value : ActivationType.Float32);

    /// <summary>The given options as settings of a recipe.</summary>
    public IReadOnlyList<string> Settings(ParseResult parsed) =>
    [
        .. parsed.GetValue(_device) is { } device ? new[] { $"device={device}" } : [],
        .. parsed.GetValue(_dtype) is { } type ? new[] { $"dtype={type}" } : [],
    ];

    private static Option<string?> Device()
    {
        var option = new Option<string?>("--device")
        {
            Description = "Device to compute on: auto (the first CUDA device where there is one, else the CPU), cpu, cuda or "
                + "cuda:N. Default: auto, or that of the recipe",
            HelpName = "auto|cpu|cuda|cuda:N",
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var word }] && !DeviceChoice.IsWord(word))
                result.AddError(Options.Wrong(option.Name, word, DeviceChoice.Allowed, null));
        });
        return option;
    }
}
