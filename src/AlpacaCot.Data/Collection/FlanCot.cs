using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>The nine Chain-of-Thought sets of FLAN: rows of question, answer and rationale, formatted with
/// templates.</summary>
public sealed class FlanCot : IInstructionSource
{
    private static readonly (string Name, string Type, int Rows)[] Nine =
    [
        ("aqua", "algebra with options", 2_728), ("creak", "facts and common sense, yes or no", 6_915),
        ("ecqa", "common sense with options", 7_112), ("esnli", "what follows from a sentence", 36_174),
        ("gsm8k", "word problems of grade-school mathematics", 7_473), ("qasc", "science with options", 1_084),
        ("qed", "questions on a text", 5_154), ("sensemaking", "which sentence makes no sense", 6_070),
        ("strategyqa", "questions with hidden steps, yes or no", 2_061),
    ];

    /// <summary>All nine sets as one data set, and each as its own.</summary>
    internal static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new FlanCot(Described("flan-cot", "Chain of Thought", Nine.Sum(set => set.Rows), "reasoning step by step: nine sets",
            [.. Nine.Select(set => set.Name)]) with
        {
            Aliases = ["cot", "cot_data", "chain-of-thought"], Original = true,
            Languages = SetLanguages.EN | SetLanguages.CN, Tags = ["cot", "reasoning", "human"],
        }, null),
        .. Nine.Select(set => new FlanCot(Described($"flan-cot-{set.Name}", $"Chain of Thought: {set.Name}", set.Rows,
            set.Type, [set.Name]) with
        {
            Aliases = [$"cot-{set.Name}"], PartOf = "flan-cot",
        }, set.Name)),
    ];

    private readonly string? _only;

    private FlanCot(CatalogueEntry entry, string? only) => (Entry, _only) = (entry, only);

    /// <inheritdoc/>
    public CatalogueEntry Entry { get; }

    /// <summary>The set in a file: the one of the nine that occurs as a word in the file name, else the file name.</summary>
    public static string SetOf(string file)
    {
        var stem = RawFiles.Stem(file);
        var words = stem.ToLowerInvariant().Split('_', '-', '.');
        return Nine.Select(set => set.Name).FirstOrDefault(words.Contains) ?? stem;
    }

    /// <summary>The files below a path that contain rows of these sets.</summary>
    public IReadOnlyList<string> Files(string path)
    {
        var files = RawFiles.In(path, ".tsv").Where(file => _only is null || SetOf(file) == _only).ToList();
        if (files.Count == 0)
            throw new InputException($"{path}: no file of the set \"{_only}\" found; expected a name such as {_only}_train.tsv.");
        if (files.GroupBy(SetOf).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InputException(
                $"{path}: {string.Join(" and ", twice)} both contain the set \"{twice.Key}\"; pass one of them.");
        return files;
    }

    /// <inheritdoc/>
    public IEnumerable<Conversation> Convert(string path, ConvertOptions options) =>
        Files(path).SelectMany(file => Rows(file, options));

    private static IEnumerable<Conversation> Rows(string file, ConvertOptions options)
    {
        var cot = options.Cot;
        var set = SetOf(file);
        var templates = cot.Templates.Of(set);
        var replay = cot.Replay?.Sets.Contains(set) == true ? cot.Replay : null;
        var random = new DeterministicRandom(options.Seed).Fork($"cot {set}");
        foreach (var row in TabRows.Read(file, cot.PythonQuotes, columns: 3, options.Reading))
        {
            var number = replay?.Of(set, (int)row.Number - 1, templates.Count) ?? random.NextInt(templates.Count);
            cot.OnDraw?.Invoke(set, number);
            var fields = cot.DecodeNewlines ? Array.ConvertAll(row.Fields, field => field.Replace(@"\n", "\n")) : row.Fields;
            var (question, answer, rationale) = (fields[0], fields[1], fields[2]);
            var template = templates[number];
            yield return Conversation.Instruction(template.Ask(question) + cot.Trigger, "", template.Reply(rationale, answer))
                with { Origin = row.Origin };
        }
    }

    private static CatalogueEntry Described(string name, string title, long records, string type, string[] sets) =>
        new(name, title, records)
    {
        Published = "https://github.com/google-research/FLAN/tree/main/flan/v2/cot_data",
        Files = [.. sets.Select(set => $"flan/v2/cot_data/{set}_train.tsv")],
        RawFormat = "TSV without a header: question, answer, rationale; the two characters \\n are a line end",
        Licence = "Apache-2.0, parts under their own", Languages = SetLanguages.EN, Tasks = SetTasks.MT,
        Generation = SetGeneration.HG, Type = type,
        Tags = ["cot", "reasoning", "human"],
    };
}
