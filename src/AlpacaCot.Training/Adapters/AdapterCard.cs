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

/// <summary>The model that an adapter was trained on.</summary>
/// <param name="Name">Its folder's name, or the hub id its configuration names.</param>
/// <param name="Type">Its <c>model_type</c>.</param>
/// <param name="Fingerprint">That of its weights; see <see cref="ModelFingerprint"/>.</param>
public sealed record CardBase(string Name, string Type, string Fingerprint);

/// <summary>A part of the data that an adapter was trained on.</summary>
/// <param name="Source">The set of the collection or the file.</param>
/// <param name="Available">Records it has.</param>
/// <param name="Taken">Records taken of it.</param>
/// <param name="Licence">The licence its authors state; null where the file is none of the collection.</param>
public sealed record CardData(string Source, long Available, long Taken, string? Licence);

/// <summary>
/// Where an adapter comes from, kept beside its weights: <c>alpaca-cot.json</c> for programs, <c>README.md</c> for people and
/// hubs.
/// </summary>
public sealed record AdapterCard
{
    /// <summary>The file that programs read.</summary>
    public const string FileName = "alpaca-cot.json";

    private const string Readme = "README.md";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The method, as the recipe names it.</summary>
    public required string Method { get; init; }

    /// <summary>What it was trained on.</summary>
    public required CardBase Base { get; init; }

    /// <summary>The form that the base was quantized in, as a recipe names it; null in cards of older versions.</summary>
    public string? Quantization { get; init; }

    /// <summary>The prompt template's name.</summary>
    public required string Template { get; init; }

    /// <summary>The data.</summary>
    public required IReadOnlyList<CardData> Data { get; init; }

    /// <summary>sha256 over the mixture's content and order.</summary>
    public required string MixtureSha256 { get; init; }

    /// <summary>sha256 over the tokenized examples.</summary>
    public required string DataSha256 { get; init; }

    /// <summary>What was measured: the last <c>step</c> and <c>loss</c>, the best <c>validation_loss</c>.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>The programs that made it.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>The resolved recipe as YAML.</summary>
    public required string Recipe { get; init; }

    /// <summary>sha256 of the adapter's files by name.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    /// <summary>The versions of this program and what it runs on.</summary>
    internal static IReadOnlyDictionary<string, string> RunningVersions =>
        new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["alpaca_cot"] = typeof(AdapterCard).Assembly.GetName().Version!.ToString(3),
        ["dotnet"] = RuntimeInformation.FrameworkDescription,
        ["libtorch"] = Models.Runtime.LibtorchReport.BuiltAgainst,
    };

    /// <summary>The parts of a recipe's data with the licences of the sets among them.</summary>
    internal static IReadOnlyList<CardData> DataOf(Recipe recipe, MixtureReport mixture) =>
        [.. mixture.Parts.Zip(recipe.Data, (part, spec) => new CardData(Path.GetFileName(part.Name), part.Available, part.Taken,
            spec.Set?.Entry.Licence))];

    /// <summary>Writes both files into the adapter's folder, whose other files are there already.</summary>
    public void Write(string folder)
    {
        var files =
            Directory.GetFiles(folder).Select(file => Path.GetFileName(file)!).Where(name => name is not (FileName or Readme))
            .Order(StringComparer.Ordinal).ToDictionary(name => name, name => Fingerprint.OfFile(Path.Combine(folder, name)));
        var card = this with { Files = files };
        AtomicFile.WriteText(Path.Combine(folder, Readme), card.ToMarkdown());
        AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(card, Json) + "\n");
    }

    /// <summary>The card in an adapter's folder; null where another program made the adapter.</summary>
    /// <exception cref="InputException">The file is no card.</exception>
    public static AdapterCard? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<AdapterCard>(File.ReadAllText(path), Json)
                ?? throw new InputException($"{path} holds no card.");
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} is not a card: {e.Message}", e);
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
