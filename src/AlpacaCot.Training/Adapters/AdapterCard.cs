using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Adapters;

/// <summary>The base model of an adapter.</summary>
/// <param name="Name">The name of its folder, or the hub id in its configuration.</param>
/// <param name="Type">Its <c>model_type</c>.</param>
/// <param name="Fingerprint">The fingerprint of its weights; see <see cref="ModelFingerprint"/>.</param>
public sealed record CardBase(string Name, string Type, string Fingerprint);

/// <summary>One data source of an adapter's training.</summary>
/// <param name="Source">The name of the data set or file.</param>
/// <param name="Available">The number of records in the source.</param>
/// <param name="Taken">The number of records used.</param>
/// <param name="Licence">The licence stated by its authors; null for files outside the collection.</param>
public sealed record CardData(string Source, long Available, long Taken, string? Licence);

/// <summary>
/// The provenance of an adapter, stored beside its weights: <c>alpaca-cot.json</c> for programs, <c>README.md</c> for people and
/// hubs.
/// </summary>
public sealed record AdapterCard
{
    /// <summary>The machine-readable file.</summary>
    public const string FileName = "alpaca-cot.json";

    private const string Readme = "README.md";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The method, by its name in recipes.</summary>
    public required string Method { get; init; }

    /// <summary>The base model.</summary>
    public required CardBase Base { get; init; }

    /// <summary>The quantization of the base model, by its name in recipes; null in cards of older versions.</summary>
    public string? Quantization { get; init; }

    /// <summary>The name of the prompt template.</summary>
    public required string Template { get; init; }

    /// <summary>The data sources of the training.</summary>
    public required IReadOnlyList<CardData> Data { get; init; }

    /// <summary>SHA-256 of the mixture's content and order.</summary>
    public required string MixtureSha256 { get; init; }

    /// <summary>SHA-256 of the tokenized examples.</summary>
    public required string DataSha256 { get; init; }

    /// <summary>The metrics of the weights: <c>step</c>, <c>loss</c>, <c>validation_loss</c>; <c>last_step</c> where the training
    /// went on after that step.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>The versions of the programs that created it.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>The resolved recipe as YAML.</summary>
    public required string Recipe { get; init; }

    /// <summary>SHA-256 of the adapter's files by name.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    /// <summary>The versions of this program and its runtime.</summary>
    internal static IReadOnlyDictionary<string, string> RunningVersions =>
        new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["alpaca_cot"] = typeof(AdapterCard).Assembly.GetName().Version!.ToString(3),
        ["dotnet"] = RuntimeInformation.FrameworkDescription,
        ["libtorch"] = Models.Runtime.LibtorchReport.BuiltAgainst,
    };

    /// <summary>The sources of a recipe's data, with the licences of sets in the collection.</summary>
    internal static IReadOnlyList<CardData> DataOf(Recipe recipe, MixtureReport mixture) =>
        [.. mixture.Parts.Zip(recipe.Data, (part, spec) => new CardData(Path.GetFileName(part.Name), part.Available, part.Taken,
            spec.Set?.Entry.Licence))];

    /// <summary>Writes both files into the adapter's folder; its other files must exist, because their hashes are
    /// included.</summary>
    public void Write(string folder)
    {
        var files =
            Directory.GetFiles(folder).Select(file => Path.GetFileName(file)!).Where(name => name is not (FileName or Readme))
            .Order(StringComparer.Ordinal).ToDictionary(name => name, name => Fingerprint.OfFile(Path.Combine(folder, name)));
        var card = this with { Files = files };
        AtomicFile.WriteText(Path.Combine(folder, Readme), card.ToMarkdown());
        AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(card, Json) + "\n");
    }

    /// <summary>Reads the card of an adapter folder; null where it has none, as for adapters of other programs.</summary>
    /// <exception cref="InputException">The file is not a valid card.</exception>
    public static AdapterCard? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<AdapterCard>(File.ReadAllText(path), Json)
                ?? throw new InputException($"{path} contains no card.");
        }
        catch (Exception e) when (InputBoundary.IsOfContent(e))
        {
            throw new InputException($"{path} is not a valid adapter card: {InputBoundary.Reason(e)}", e);
        }
    }

    private string ToMarkdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            ---
            base_model: {Quoted(Base.Name)}
            library_name: peft
            tags:
            - {Method}
            - instruction-tuning
            - alpaca-cot
            ---

            # {Method} on {Base.Name}

            An adapter for {Base.Name} ({Base.Type}{(Quantization is null or "none" ? "" : $", in {Quantization}")}), trained with AlpacaCot. Its prompt is `{Template}`, stored in `prompt_template.json`.

            | data | records taken | of | licence |
            |---|---:|---:|---|

            """);
        foreach (var part in Data)
            text.Append(CultureInfo.InvariantCulture,
                $"| {part.Source} | {part.Taken:N0} | {part.Available:N0} | {part.Licence ?? "not stated"} |\n");
        text.Append("\n| measured | |\n|---|---:|\n");
        foreach (var (name, value) in Metrics)
            text.Append(CultureInfo.InvariantCulture, $"| {name.Replace('_', ' ')} | {value:0.####} |\n");
        if (Metrics.TryGetValue("last_step", out var last))
            text.Append(CultureInfo.InvariantCulture,
                $"\nThe weights are those of step {Metrics["step"]}, with the lowest validation loss; the training ended at "
                    + $"step {last}.\n");
        text.Append(CultureInfo.InvariantCulture, $"""

            ```yaml
            {Recipe.TrimEnd()}
            ```

            Made with {string.Join(", ", Versions.Select(version => $"{version.Key} {version.Value}"))}. Weights of the base: `{Base.Fingerprint}`;
            data: `{MixtureSha256}`.

            """);
        return text.ToString();
    }

    private static string Quoted(string text) => JsonSerializer.Serialize(text, Json);
}
