using AlpacaCot.Models;
using AlpacaCot.Training.Adapters;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The form of the base that an adapter is merged into, and of the base it was trained on.</summary>
/// <param name="Quantization">The form of the base that it is merged into: <c>none</c> for the full one.</param>
/// <param name="TrainedOn">The form of the base it was trained on; null if the adapter does not say.</param>
internal sealed record MergedBase(string Quantization, string? TrainedOn)
{
    /// <summary>A sentence if the two forms differ, or if the base is quantized; else empty.</summary>
    public string Remark => (Quantization, TrainedOn ?? Quantization) switch
    {
        var (into, from) when into != from =>
            $"\nThe adapter was trained on the base in {Form(from)} and is merged into the base " +
            $"{(into == "none" ? "in full precision" : "in " + Form(into))}; for the values it was trained on add "
                + $"--quantization {from}.",
        ("none", _) => "",
        var (into, _) => $"\nThe base's matrices are the values of their {into} codes.",
    };

    /// <summary>Reads the forms from the adapter's card and the loaded model.</summary>
    /// <param name="adapter">The adapter's folder or its run's; null without an adapter.</param>
    /// <param name="model">The model that it is merged into.</param>
    public static MergedBase Of(string? adapter, LanguageModel model)
    {
        var quantization = model.Model.Quantization;
        if (adapter is null) return new(quantization, null);
        var inner = Path.Combine(adapter, "adapter");
        return new(quantization, AdapterCard.Read(Directory.Exists(inner) ? inner : adapter)?.Quantization);
    }

    private static string Form(string quantization) => quantization == "none" ? "full precision" : quantization;
}
