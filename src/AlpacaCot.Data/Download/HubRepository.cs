using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>What a hub repository holds.</summary>
public enum RepositoryType
{
    /// <summary>Data.</summary>
    Dataset,

    /// <summary>A model with its tokenizer.</summary>
    Model,

    /// <summary>Anything, on GitHub.</summary>
    GitHub,
}

/// <summary>A repository of the Hugging Face hub, of a mirror of it, or of GitHub.</summary>
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

    /// <summary>The branch that is meant where none is named; on GitHub it may have any name.</summary>
    public string MainRevision => Type == RepositoryType.GitHub ? "HEAD" : "main";

    /// <summary>
    /// The folder of the repository in the cache: <c>datasets--owner--name</c> and <c>models--owner--name</c> as the hub's tools
    /// have them, and <c>github--owner--name</c> beside them.
    /// </summary>
    public string CacheFolder => (Type switch
    {
        RepositoryType.Dataset => "datasets",
        RepositoryType.Model => "models",
        _ => "github",
    }) + $"--{Id.Replace("/", "--", StringComparison.Ordinal)}";

    [GeneratedRegex(@"^[A-Za-z0-9_][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?$", RegexOptions.ECMAScript)]
    private static partial Regex IdForm();
}
