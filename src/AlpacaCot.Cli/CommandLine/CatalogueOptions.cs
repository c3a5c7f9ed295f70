using System.CommandLine;
using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that add sets to the catalogue and set where the data of sets is found.</summary>
internal sealed class CatalogueOptions
{
    private readonly Option<string[]> _catalogue = new("--catalogue")
    {
        Description = "YAML file with your own sets, in addition to catalogue/*.yaml; repeatable", HelpName = "FILE",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string> _folder = new("--data-folder")
    {
        Description = $"Folder with the data of sets, each under the set's name (environment: {DataFolder.Variable})",
        HelpName = "DIR",
        DefaultValueFactory = _ => DataFolder.Default,
    };

    private readonly Option<string> _cache = Cache();

    /// <summary>The cache of downloads.</summary>
    public static Option<string> Cache() => new("--cache")
    {
        Description = "Cache folder of downloads. Default: HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub",
        HelpName = "DIR",
    };

    /// <summary>The option that adds sets, for commands that do not look for data.</summary>
    public IEnumerable<Option> Sets => [_catalogue];

    /// <summary>All options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_catalogue, _folder, _cache];

    /// <summary>The user's own sets.</summary>
    public IReadOnlyList<IInstructionSource> Own(ParseResult parsed) =>
        [.. parsed.GetValue(_catalogue)!.SelectMany(CatalogueFile.Load), .. CatalogueFile.Find(".")];

    /// <summary>The files and folders with the data of a set; empty if the data is not on this machine.</summary>
    public IReadOnlyList<string> DataOf(IInstructionSource source, ParseResult parsed) =>
        DataFolder.Find(source, [parsed.GetValue(_folder)!], parsed.GetValue(_cache));

    /// <summary>Writes the fields of an entry into a JSON object.</summary>
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
