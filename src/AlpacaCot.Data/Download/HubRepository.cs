using System.Text.RegularExpressions;

namespace AlpacaCot.Data.Download;

/// <summary>What a hub repository holds.</summary>
public enum RepositoryType
{
    /// <summary>Data.</summary>
    Dataset,

    /// <summary>A model with its tokenizer.</summary>
    Model,
}

/// <summary>A repository of a hub that follows the Hugging Face hub's addresses.</summary>
public sealed partial record HubRepository
{
    /// <summary>Names a repository.</summary>
    /// <param name="id">Its id: <c>owner/name</c>, or <c>name</c> alone as a few old ones have it.</param>
    /// <param name="type">What it holds.</param>
    /// <exception cref="InputException">The id is none; it becomes a folder name, so nothing unusual is let through.</exception>
    public HubRepository(string id, RepositoryType type)
    {
        if (!LooksLikeId(id))
            throw new InputException($"\"{id}\" is not the id of a repository: expected owner/name, as in yahma/alpaca-cleaned");
        (Id, Type) = (id, type);
    }

    /// <summary><c>owner/name</c>.</summary>
    public string Id { get; }

    /// <summary>What it holds.</summary>
    public RepositoryType Type { get; }

    /// <summary>Whether a text has the form of an id.</summary>
    public static bool LooksLikeId(string text) =>
        IdForm().IsMatch(text) && !text.Contains("--", StringComparison.Ordinal)
            && !text.Contains("..", StringComparison.Ordinal);

    /// <summary>The folder of the repository in the cache, such as <c>datasets--owner--name</c>.</summary>
    public string CacheFolder => $"{Plural}--{Id.Replace("/", "--", StringComparison.Ordinal)}";

    /// <summary>The address of the description of a revision, under the hub's endpoint.</summary>
    internal string RevisionAddress(string revision) => $"api/{Plural}/{Id}/revision/{Uri.EscapeDataString(revision)}";

    /// <summary>The address of the list of a commit's files.</summary>
    internal string TreeAddress(string commit) => $"api/{Plural}/{Id}/tree/{commit}?recursive=true";

    /// <summary>The address of a file.</summary>
    internal string FileAddress(string commit, string path) => (Type == RepositoryType.Dataset ? "datasets/" : "")
        + $"{Id}/resolve/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}";

    private string Plural => Type == RepositoryType.Dataset ? "datasets" : "models";

    [GeneratedRegex(@"^[A-Za-z0-9_][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?$", RegexOptions.ECMAScript)]
    private static partial Regex IdForm();
}
