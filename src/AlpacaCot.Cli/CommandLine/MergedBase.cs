using AlpacaCot.Models;
using AlpacaCot.Training.Adapters;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>Which base an adapter is folded into, and which it was trained on.</summary>
/// <param name="Quantization">The form of the base that it is folded into: <c>none</c> for the full one.</param>
/// <param name="TrainedOn">The form of the base it was trained on; null where it does not say.</param>
internal sealed record MergedBase(string Quantization, string? TrainedOn)
{
    /// <summary>A sentence, where there is more to say than that the adapter is where it was trained.</summary>
    public string Words => (Quantization, TrainedOn ?? Quantization) switch
    {
        var (into, from) when into != from =>
            $"\nThe adapter was trained on the base in {Form(from)} and is merged into the base " +
            $"{(into == "none" ? "in full precision" : "in " + Form(into))}; for the values it was trained on add --quantization {from}.",
        ("none", _) => "",
        var (into, _) => $"\nThe base's matrices are the values of their {into} codes.",
    };

    /// <summary>What the adapter's card says about it.</summary>
    /// <param name="adapter">Its folder or its run's, or none.</param>
    /// <param name="model">The model that it is folded into.</param>
    public static MergedBase Of(string? adapter, LanguageModel model)
    {
        var quantization = model.Model.Quantization;
        if (adapter is null) return new(quantization, null);
        var inner = Path.Combine(adapter, "adapter");
        return new(quantization, AdapterCard.Read(Directory.Exists(inner) ? inner : adapter)?.Quantization);
    }

    private static string Form(string quantization) => quantization == "none" ? "full precision" : quantization;
}
