using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>The kind of a repository.</summary>
public enum RepositoryType
{
    /// <summary>A data set on the hub.</summary>
    Dataset,

    /// <summary>A model with its tokenizer, on the hub.</summary>
    Model,

    /// <summary>A GitHub repository with any content.</summary>
    GitHub,
}

/// <summary>A repository on the Hugging Face hub, a mirror of it, or GitHub.</summary>
public sealed partial record HubRepository
{
    /// <summary>Creates a reference to a repository.</summary>
    /// <param name="id">The id: <c>owner/name</c>, or <c>name</c> alone for some early repositories.</param>
    /// <param name="type">The kind of repository.</param>
    /// <exception cref="InputException">Invalid id. Checked strictly because it becomes a folder name.</exception>
    public HubRepository(string id, RepositoryType type)
    {
        if (!LooksLikeId(id))
            throw new InputException($"\"{id}\" is not a repository id; expected owner/name, e.g. yahma/alpaca-cleaned");
        (Id, Type) = (id, type);
    }

    /// <summary>The id, usually <c>owner/name</c>.</summary>
    public string Id { get; }

    /// <summary>The kind of repository.</summary>
    public RepositoryType Type { get; }

    /// <summary>Whether a text is a syntactically valid id.</summary>
    public static bool LooksLikeId(string text) =>
        IdForm().IsMatch(text) && !text.Contains("--", StringComparison.Ordinal)
            && !text.Contains("..", StringComparison.Ordinal);

    /// <summary>The default revision: <c>main</c>; on GitHub <c>HEAD</c>, because the main branch may have any name.</summary>
    public string MainRevision => Type == RepositoryType.GitHub ? "HEAD" : "main";

    /// <summary>
    /// Name of the repository's folder in the cache: <c>datasets--owner--name</c> and <c>models--owner--name</c> as in the
    /// hub's tools, and <c>github--owner--name</c>.
    /// </summary>
    public string CacheFolder => HubLayout.FolderOf(Type switch
    {
        RepositoryType.Dataset => "datasets",
        RepositoryType.Model => HubLayout.Models,
        _ => "github",
    }, Id);

    [GeneratedRegex(@"^[A-Za-z0-9_][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?$", RegexOptions.ECMAScript)]
    private static partial Regex IdForm();
}
