using System.Text;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Chain-of-Thought templates by set. As a file:
/// <c>{"formats": {"aqua": [["{question} ...", "{chain_of_thought} ..."], ...]}}</c>;
/// templates under <c>*</c> apply to every set without its own.
/// </summary>
public sealed class CotTemplates
{
    private const string Every = "*";
    private readonly Dictionary<string, IReadOnlyList<CotTemplate>> _sets;
    private readonly string _name;

    private CotTemplates(Dictionary<string, IReadOnlyList<CotTemplate>> sets, string name) => (_sets, _name) = (sets, name);

    /// <summary>The built-in templates.</summary>
    public static CotTemplates Shipped { get; } = ReadShipped();

    /// <summary>All templates of all sets.</summary>
    public IEnumerable<CotTemplate> All => _sets.Values.SelectMany(templates => templates);

    /// <summary>Reads a template file.</summary>
    /// <exception cref="InputException">The file is unreadable or has another format; the message names set and
    /// template.</exception>
    public static CotTemplates Load(string path) => Parse(CotJson.Read(path), path);

    /// <summary>Returns the templates of a set.</summary>
    /// <exception cref="InputException">The file has no templates for the set.</exception>
    public IReadOnlyList<CotTemplate> Of(string set) => _sets.GetValueOrDefault(set) ?? _sets.GetValueOrDefault(Every)
        ?? throw new InputException($"{_name}: no templates for the set \"{set}\"; "
            + $"it has templates for {string.Join(", ", _sets.Keys)}. Templates under \"{Every}\" apply to every set.");

    private static CotTemplates Parse(JsonElement root, string name)
    {
        var formats = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("formats", out var inner) ? inner : root;
        if (formats.ValueKind != JsonValueKind.Object) throw Wrong("");
        var sets = new Dictionary<string, IReadOnlyList<CotTemplate>>();
        foreach (var set in formats.EnumerateObject())
        {
            if (set.Value.ValueKind != JsonValueKind.Array || set.Value.GetArrayLength() == 0)
                throw Wrong($", set \"{set.Name}\"");
            sets[set.Name] = [.. set.Value.EnumerateArray().Select((pair, i) =>
                Template(pair, $", set \"{set.Name}\", template {i + 1}"))];
        }
        return sets.Count > 0 ? new(sets, name) : throw Wrong("");

        CotTemplate Template(JsonElement pair, string place)
        {
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2
                || pair.EnumerateArray().Any(text => text.ValueKind != JsonValueKind.String)) throw Wrong(place);
            try
            {
                return new(pair[0].GetString()!, pair[1].GetString()!);
            }
            catch (InputException bad)
            {
                throw new InputException($"{name}{place}: {bad.Message}.");
            }
        }

        InputException Wrong(string place) => new($"{name}{place}: expected templates as in "
            + """{"formats": {"aqua": [["Question: {question}", "{chain_of_thought} So: {answer}."]]}}""");
    }

    private static CotTemplates ReadShipped()
    {
        using var stream = typeof(CotTemplates).Assembly.GetManifestResourceStream("CotTemplates.json")!;
        using var document = JsonDocument.Parse(stream);
        return Parse(document.RootElement, "the templates of AlpacaCot");
    }
}

/// <summary>Records the template of each row, so that the assignment can be replayed.</summary>
public sealed class CotDraw
{
    private readonly Dictionary<string, List<int>> _sets = [];
    private string _name = "the draw";

    /// <summary>Names of the recorded sets.</summary>
    public IReadOnlyCollection<string> Sets => _sets.Keys;

    /// <summary>Reads a record: <c>{"aqua": {"template_index": [12, 1, ...]}, ...}</c>, numbers zero-based.</summary>
    /// <exception cref="InputException">The file is unreadable or has another format.</exception>
    public static CotDraw Load(string path)
    {
        var root = CotJson.Read(path);
        var draw = new CotDraw { _name = path };
        if (root.ValueKind != JsonValueKind.Object) throw Wrong();
        foreach (var set in root.EnumerateObject())
        {
            var numbers = set.Value.ValueKind == JsonValueKind.Object && set.Value.TryGetProperty("template_index", out var index)
                ? index : set.Value;
            if (numbers.ValueKind != JsonValueKind.Array) throw Wrong();
            foreach (var number in numbers.EnumerateArray())
                draw.Add(set.Name, number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var value)
                    ? value : throw Wrong());
        }
        return draw;

        InputException Wrong() =>
            new($"{path}: expected a recorded draw as in " + """{"aqua": {"template_index": [12, 1, 14]}}""");
    }

    /// <summary>Appends the template of the next row of a set.</summary>
    public void Add(string set, int template)
    {
        if (!_sets.TryGetValue(set, out var numbers)) _sets[set] = numbers = [];
        numbers.Add(template);
    }

    /// <summary>Writes the record to a file.</summary>
    public void Save(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(
        _sets.ToDictionary(set => set.Key, set => new Dictionary<string, List<int>> { ["template_index"] = set.Value })) + "\n");

    /// <summary>Returns the template number of a row.</summary>
    /// <param name="set">Name of a recorded set.</param>
    /// <param name="row">Zero-based row number.</param>
    /// <param name="count">Number of available templates.</param>
    /// <exception cref="InputException">The record has fewer rows, or a number out of range.</exception>
    public int Of(string set, int row, int count)
    {
        var numbers = _sets[set];
        if (row >= numbers.Count)
            throw new InputException($"{_name}: the record of \"{set}\" ends with row {numbers.Count}, but the set has more; "
                + "it was recorded with another file.");
        return numbers[row] >= 0 && numbers[row] < count ? numbers[row] : throw new InputException(
            $"{_name}, set \"{set}\", row {row + 1}: template {numbers[row]} was recorded, but only 0 to {count - 1}; "
            + "it was recorded with other templates.");
    }
}

/// <summary>Reads small JSON files passed on the command line.</summary>
internal static class CotJson
{
    public static JsonElement Read(string path)
    {
        if (!File.Exists(path)) throw new InputException($"{path}: file not found.");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path, new UTF8Encoding(false, true)));
            return document.RootElement.Clone();
        }
        catch (Exception bad) when (
            bad is JsonException or DecoderFallbackException or IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: not a valid JSON file: {bad.Message}", bad);
        }
    }
}
