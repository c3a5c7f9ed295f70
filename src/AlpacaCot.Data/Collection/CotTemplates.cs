using System.Text;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Chain-of-Thought templates by set. As a file:
/// <c>{"formats": {"aqua": [["{question} ...", "{chain_of_thought} ..."], ...]}}</c>;
/// the templates under <c>*</c> serve every set that has none of its own.
/// </summary>
public sealed class CotTemplates
{
    private const string Every = "*";
    private readonly Dictionary<string, IReadOnlyList<CotTemplate>> _sets;
    private readonly string _name;

    private CotTemplates(Dictionary<string, IReadOnlyList<CotTemplate>> sets, string name) => (_sets, _name) = (sets, name);

    /// <summary>The templates of this project.</summary>
    public static CotTemplates Shipped { get; } = ReadShipped();

    /// <summary>All templates of all sets.</summary>
    public IEnumerable<CotTemplate> All => _sets.Values.SelectMany(templates => templates);

    /// <summary>Reads a file of templates.</summary>
    /// <exception cref="InputException">It cannot be read, or it is not such a file; the message names set and
    /// template.</exception>
    public static CotTemplates Load(string path) => Parse(CotJson.Read(path), path);

    /// <summary>The templates of a set.</summary>
    /// <exception cref="InputException">There are none.</exception>
    public IReadOnlyList<CotTemplate> Of(string set) => _sets.GetValueOrDefault(set) ?? _sets.GetValueOrDefault(Every)
        ?? throw new InputException($"{_name}: there are no templates for the set \"{set}\"; "
            + $"there are some for {string.Join(", ", _sets.Keys)}. Those under \"{Every}\" would serve every set.");

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

/// <summary>Which template each row got: a draw that can be repeated exactly.</summary>
public sealed class CotDraw
{
    private readonly Dictionary<string, List<int>> _sets = [];
    private string _name = "the draw";

    /// <summary>The sets that were drawn.</summary>
    public IReadOnlyCollection<string> Sets => _sets.Keys;

    /// <summary>Reads a draw: <c>{"aqua": {"template_index": [12, 1, ...]}, ...}</c>, the numbers counted from 0.</summary>
    /// <exception cref="InputException">It cannot be read, or it is not such a file.</exception>
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

    /// <summary>Records the template of the next row of a set.</summary>
    public void Add(string set, int template)
    {
        if (!_sets.TryGetValue(set, out var numbers)) _sets[set] = numbers = [];
        numbers.Add(template);
    }

    /// <summary>Writes the draw, so that it can be repeated.</summary>
    public void Save(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(
        _sets.ToDictionary(set => set.Key, set => new Dictionary<string, List<int>> { ["template_index"] = set.Value })) + "\n");

    /// <summary>The template of a row.</summary>
    /// <param name="set">A set of the draw.</param>
    /// <param name="row">The row, counted from 0.</param>
    /// <param name="count">How many templates there are.</param>
    /// <exception cref="InputException">The draw is shorter than the set, or has a number no template has.</exception>
    public int Of(string set, int row, int count)
    {
        var numbers = _sets[set];
        if (row >= numbers.Count)
            throw new InputException($"{_name}: the draw of \"{set}\" ends with row {numbers.Count}, but the set has more; "
                + "it was recorded from another file.");
        return numbers[row] >= 0 && numbers[row] < count ? numbers[row] : throw new InputException(
            $"{_name}, set \"{set}\", row {row + 1}: template {numbers[row]} was drawn, but there are only 0 to {count - 1}; "
            + "it was recorded with other templates.");
    }
}

/// <summary>Small JSON files that a person names on the command line.</summary>
internal static class CotJson
{
    public static JsonElement Read(string path)
    {
        if (!File.Exists(path)) throw new InputException($"{path}: there is no such file.");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path, new UTF8Encoding(false, true)));
            return document.RootElement.Clone();
        }
        catch (Exception bad) when (
            bad is JsonException or DecoderFallbackException or IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: this is not a JSON file: {bad.Message}", bad);
        }
    }
}
