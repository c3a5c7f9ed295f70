using System.CommandLine;
using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that say which sets there are and where their data is.</summary>
internal sealed class CatalogueOptions
{
    private readonly Option<string[]> _catalogue = new("--catalogue")
    {
        Description = "A YAML file with sets of your own, beside those in catalogue/*.yaml", HelpName = "FILE",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string> _folder = new("--data-folder")
    {
        Description = $"Where the data of sets is looked for, by their names (also {DataFolder.Variable})", HelpName = "DIR",
        DefaultValueFactory = _ => DataFolder.Default,
    };

    private readonly Option<string> _cache = new("--cache")
    {
        Description = "The cache of downloads, where it is looked for next; as of data download", HelpName = "DIR",
    };

    public void AddTo(Command verb, bool withFolder = true)
    {
        verb.Add(_catalogue);
        if (!withFolder) return;
        verb.Add(_folder);
        verb.Add(_cache);
    }

    /// <summary>The sets of the user.</summary>
    public IReadOnlyList<IInstructionSource> Own(ParseResult parsed) =>
        [.. parsed.GetValue(_catalogue)!.SelectMany(CatalogueFile.Load), .. CatalogueFile.Find(".")];

    /// <summary>The files and folders with the data of a set; none where it is not here.</summary>
    public IReadOnlyList<string> DataOf(IInstructionSource source, ParseResult parsed) =>
        DataFolder.Find(source, [parsed.GetValue(_folder)!], parsed.GetValue(_cache));

    /// <summary>The fields of an entry in a JSON document.</summary>
    public static void Write(Utf8JsonWriter json, CatalogueEntry entry, IReadOnlyList<string> data)
    {
        json.WriteString("name", entry.Name);
        json.WriteString("title", entry.Title);
        json.Strings("aliases", entry.Aliases);
        json.WriteString("published", entry.Published);
        json.WriteString("format", entry.RawFormat);
        json.WriteString("licence", entry.Licence);
        if (entry.Records is { } records) json.WriteNumber("records", records);
        else json.WriteNull("records");
        json.WriteString("language", entry.LanguageCodes);
        json.WriteString("task", entry.TaskCodes);
        json.WriteString("generation", entry.GenerationCode);
        json.WriteString("type", entry.Type);
        json.Strings("tags", entry.Tags);
        json.WriteString("part_of", entry.PartOf);
        json.WriteBoolean("original", entry.Original);
        json.WriteBoolean("own", entry.Own);
        json.Strings("data", data);
    }
}
