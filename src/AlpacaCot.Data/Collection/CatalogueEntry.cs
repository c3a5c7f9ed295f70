using AlpacaCot.Data.Download;

namespace AlpacaCot.Data.Collection;

/// <summary>The languages of a set, by the codes of the original collection; a set may have several.</summary>
[Flags]
public enum SetLanguages
{
    /// <summary>Not stated.</summary>
    None = 0,

    /// <summary>English.</summary>
    EN = 1,

    /// <summary>Chinese.</summary>
    CN = 2,

    /// <summary>Many languages.</summary>
    ML = 4,
}

/// <summary>How broad the tasks of a set are; a set with parts of both kinds has both.</summary>
[Flags]
public enum SetTasks
{
    /// <summary>Not stated.</summary>
    None = 0,

    /// <summary>Many kinds of tasks.</summary>
    MT = 1,

    /// <summary>One specific kind of task.</summary>
    TS = 2,
}

/// <summary>How a set came about.</summary>
public enum SetGeneration
{
    /// <summary>Not stated.</summary>
    None,

    /// <summary>Written by humans.</summary>
    HG,

    /// <summary>Self-instruct: written by a model.</summary>
    SI,

    /// <summary>Both humans and models wrote.</summary>
    MIX,

    /// <summary>Put together from other data sets.</summary>
    COL,
}

/// <summary>What is known of one instruction set, whether its data is here or not.</summary>
/// <param name="Name">The name on the command line and in recipes: lower case with hyphens.</param>
/// <param name="Title">The name its authors or the original collection gave it.</param>
/// <param name="Records">
/// How many records the original collection counts, or the authors where it has none; null where neither says.
/// </param>
public sealed record CatalogueEntry(string Name, string Title, long? Records)
{
    /// <summary>Other names that mean the same set.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Where it is published: <c>owner/name</c> of a data set on the hub, or an address; several with " and ".</summary>
    public string Published { get; init; } = "";

    /// <summary>Where it is downloaded, in the same form, where its authors publish it in no repository; else empty.</summary>
    public string Copy { get; init; } = "";

    /// <summary>
    /// Its files in the repository, as patterns with <c>*</c> (slashes too) and <c>?</c>; none where all are its own.
    /// </summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The repositories, or parts of them, that hold it; none where it is in no repository.</summary>
    public IReadOnlyList<RepositoryPart> Repositories
    {
        get
        {
            var parts = (Copy.Length > 0 ? Copy : Published).Split(" and ").Select(RepositoryPart.TryParse).ToList();
            if (parts.Contains(null)) return [];
            return [.. parts.Select(part => Files.Count > 0 ? part! with { Files = Files } : part!)];
        }
    }

    /// <summary>The form in which its authors publish it, which its converter reads.</summary>
    public string RawFormat { get; init; } = "";

    /// <summary>Under which licence, as its authors state it.</summary>
    public string Licence { get; init; } = "none stated";

    /// <summary>Its languages.</summary>
    public SetLanguages Languages { get; init; }

    /// <summary>How broad its tasks are.</summary>
    public SetTasks Tasks { get; init; }

    /// <summary>How it came about.</summary>
    public SetGeneration Generation { get; init; }

    /// <summary>What its records are about, in a few words.</summary>
    public string Type { get; init; } = "";

    /// <summary>Words to find it by.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The entry of the original collection whose part this set is; empty where it is one itself or not in it.</summary>
    public string PartOf { get; init; } = "";

    /// <summary>Whether it is one of the sets in the table of the original collection.</summary>
    public bool Original { get; init; }

    /// <summary>Whether a user declared it in a catalogue of their own.</summary>
    public bool Own { get; init; }

    /// <summary>The languages as text, such as <c>EN/CN</c>.</summary>
    public string LanguageCodes => Codes(Languages);

    /// <summary>The tasks as text, such as <c>TS/MT</c>.</summary>
    public string TaskCodes => Codes(Tasks);

    /// <summary>How it came about as text, such as <c>SI</c>; empty where not stated.</summary>
    public string GenerationCode => Codes(Generation);

    /// <summary>Whether a name means this set; case and the choice of hyphen, underscore or space do not matter.</summary>
    public bool IsCalled(string name) => Aliases.Append(Name).Append(Title).Any(known => Plain(known) == Plain(name));

    private static string Plain(string name) => name.Trim().ToLowerInvariant().Replace('_', '-').Replace(' ', '-');

    private static string Codes<T>(T value) where T : struct, Enum =>
        value.Equals(default(T)) ? "" : value.ToString().Replace(", ", "/", StringComparison.Ordinal);
}
