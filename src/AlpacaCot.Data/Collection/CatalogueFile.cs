using AlpacaCot.Configuration;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Data sets that users add to the collection without code: a YAML file with a list of maps, each with a <c>name</c> and further
/// keys of <see cref="Keys"/>. Files in a folder <c>catalogue</c> are found automatically.
/// </summary>
public static class CatalogueFile
{
    private const string Folder = "catalogue";

    private static readonly Schema Catalogue = new("catalogue");

    private static readonly Key<OwnSet>[] Table =
    [
        Key<OwnSet>.Text("name", "a name of lower-case letters, digits and hyphens",
            "the name in recipes and on the command line",
            s => s.Entry.Name, (s, v) => s with { Entry = s.Entry with { Name = v } }),
        Key<OwnSet>.Text("title", "a text", "the display name",
            s => s.Entry.Title, (s, v) => s with { Entry = s.Entry with { Title = v } }),
        Names("aliases", "alternative names", (e, v) => e with { Aliases = v }),
        Key<OwnSet>.FilePath("path", "a file or folder", "the data; a relative path starts from the folder of this file",
            s => s.Path, (s, v) => s with { Path = v }),
        new("columns", "a map such as { instruction: question, output: answer }",
            "field names of this set; fields not listed are recognised automatically",
            ReadColumns, _ => null),
        Key<OwnSet>.Text("published", "a text", "the source: owner/name on the hub, or a URL",
            s => s.Entry.Published, (s, v) => s with { Entry = s.Entry with { Published = v } }),
        Key<OwnSet>.Text("format", "a text", "a description of the record format",
            s => s.Entry.RawFormat, (s, v) => s with { Entry = s.Entry with { RawFormat = v } }),
        Key<OwnSet>.Text("licence", "a text", "the licence",
            s => s.Entry.Licence, (s, v) => s with { Entry = s.Entry with { Licence = v } }),
        Key<OwnSet>.Whole("records", 0, "the number of records",
            s => (int?)s.Entry.Records, (s, v) => s with { Entry = s.Entry with { Records = v } }),
        Codes<SetLanguages>("language", "the languages of the records", (e, v) => e with { Languages = v }),
        Codes<SetTasks>("task", "whether the set covers many tasks or one", (e, v) => e with { Tasks = v }),
        Codes<SetGeneration>("generation", "how the records were produced", (e, v) => e with { Generation = v }),
        Key<OwnSet>.Text("type", "a text", "the subject of the records",
            s => s.Entry.Type, (s, v) => s with { Entry = s.Entry with { Type = v } }),
        Names("tags", "search words", (e, v) => e with { Tags = v }),
    ];

    /// <summary>The documented keys of an entry.</summary>
    public static IReadOnlyList<DocumentedKey> Keys { get; } =
        [.. Table.Select(k => new DocumentedKey(k.Name, k.Allowed, "", k.Meaning))];

    /// <summary>Reads the sets of a file.</summary>
    /// <exception cref="InputException">The file does not exist or has errors; the message lists all errors with their
    /// lines.</exception>
    public static IReadOnlyList<IInstructionSource> Load(string path)
    {
        if (!File.Exists(path)) throw new InputException($"{path}: the catalogue file does not exist");
        return InputBoundary.Read(path, () => ReadFile(path));
    }

    private static List<IInstructionSource> ReadFile(string path)
    {
        var problems = new Problems(path);
        var root = ConfigurationNode.Parse(File.ReadAllText(path), path, Catalogue);
        var items = root.IsNull ? [] : root.AsList;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var sets = items.Select((item, i) => Read(item, new KeyContext($"set {i + 1}", folder, problems, Catalogue))).ToList();
        problems.ThrowIfAny();
        if (sets.GroupBy(s => s.Entry.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new InputException($"{path}: two sets are called {twice.Key}; rename one");
        return [.. sets];
    }

    /// <summary>Reads the sets of all files <c>catalogue/*.yaml</c> in some folders.</summary>
    /// <exception cref="InputException">A file has errors.</exception>
    public static IReadOnlyList<IInstructionSource> Find(params IEnumerable<string> folders) =>
    [
        .. folders.Select(folder => Path.GetFullPath(Path.Combine(folder, Folder))).Distinct().Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.yaml").Order(StringComparer.Ordinal)).SelectMany(Load),
    ];

    private static ColumnSource Read(ConfigurationNode node, KeyContext context)
    {
        var set = Section.Read(node, Table, null, new OwnSet(), context);
        if (set.Entry.Name.Length == 0)
            context.Problems.Add(node.Location, $"{context.Name} has no name; add for example name: my-set");
        else if (!set.Entry.Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'))
            context.Problems.Add(node.Location, $"{context.Name}: the name '{set.Entry.Name}' may have lower-case letters, "
                + "digits, hyphens and dots");
        var title = set.Entry.Title.Length > 0 ? set.Entry.Title : set.Entry.Name;
        return new(set.Entry with { Title = title }, set.Columns, set.Path);
    }

    private sealed record OwnSet
    {
        public CatalogueEntry Entry { get; init; } = new("", "", null) { Own = true };
        public string? Path { get; init; }
        public IReadOnlyDictionary<string, string> Columns { get; init; } = new Dictionary<string, string>();
    }

    private static Key<OwnSet> Names(
        string name, string meaning, Func<CatalogueEntry, IReadOnlyList<string>, CatalogueEntry> set) =>
        new(name, "a text or a list of texts", meaning, (own, node, context) => node.Words is { } words
            ? own with { Entry = set(own.Entry, words) } : context.Wrong(own, node, "a text or a list of texts"), _ => null);

    private static Key<OwnSet> Codes<T>(string name, string meaning, Func<CatalogueEntry, T, CatalogueEntry> set)
        where T : struct, Enum
    {
        var codes = Enum.GetNames<T>()[1..];
        var several = typeof(T).IsDefined(typeof(FlagsAttribute), false);
        var allowed = string.Join(" or ", codes) + (several ? ", or several as in [" + string.Join(", ", codes[..2]) + "]" : "");
        return new(name, allowed, meaning, (own, node, context) =>
        {
            var words = node.Words?.SelectMany(word => word.Split('/')).ToList();
            return words is { Count: > 0 } && (several || words.Count == 1)
                && words.All(word => codes.Contains(word.ToUpperInvariant()))
                ? own with { Entry = set(own.Entry, Enum.Parse<T>(string.Join(',', words), ignoreCase: true)) }
                : context.Wrong(own, node, allowed);
        }, _ => null);
    }

    private static OwnSet ReadColumns(OwnSet own, ConfigurationNode node, KeyContext context)
    {
        const string Allowed = "a map such as { instruction: question, output: answer }";
        if (node is not ConfigurationNode.Mapping map
            || map.Entries.Any(e => e.Value is not ConfigurationNode.Scalar { Text.Length: > 0 }))
            return context.Wrong(own, node, Allowed);
        var columns = new Dictionary<string, string>();
        foreach (var entry in map.Entries)
        {
            if (!RecordFormats.Fields.Contains(entry.Name))
                context.Problems.Add(entry.Location,
                    $"{context.Name} has no key '{entry.Name}'; allowed are {string.Join(", ", RecordFormats.Fields)}");
            columns[entry.Name] = ((ConfigurationNode.Scalar)entry.Value).Text;
        }
        return own with { Columns = columns };
    }
}
