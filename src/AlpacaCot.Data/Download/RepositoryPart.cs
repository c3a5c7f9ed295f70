using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace AlpacaCot.Data.Download;

/// <summary>What a name or an address means: a repository, a revision of it, and of its files all or some.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Revision">The branch, tag or commit; null for the main branch.</param>
/// <param name="Files">Patterns of paths, with <c>*</c> (slashes too) and <c>?</c>; none means all files.</param>
public sealed partial record RepositoryPart(HubRepository Repository, string? Revision, IReadOnlyList<string> Files)
{
    /// <summary>The branch, tag or commit.</summary>
    public string At => Revision ?? Repository.MainRevision;

    /// <summary>Whether a path in the repository belongs to the part.</summary>
    public bool Has(string path) => Matches(Files, path);

    /// <summary>
    /// Reads <c>owner/name</c>, or the address of a page of the hub or of GitHub: of a repository, of a folder
    /// (<c>.../tree/REVISION/FOLDER</c>) or of a file (<c>.../blob/REVISION/FILE</c>). A revision with a slash cannot be told
    /// from a folder there, so it is taken to have none.
    /// </summary>
    /// <returns>Null where the text is neither.</returns>
    public static RepositoryPart? TryParse(string text)
    {
        if (HubRepository.LooksLikeId(text) && text.Contains('/')) return new(new(text, RepositoryType.Dataset), null, []);
        if (Page().Match(text) is not { Success: true } page || !HubRepository.LooksLikeId(page.Groups["id"].Value)) return null;
        var type = page.Groups["github"].Success ? RepositoryType.GitHub
            : page.Groups["dataset"].Success ? RepositoryType.Dataset : RepositoryType.Model;
        var path = Uri.UnescapeDataString(page.Groups["path"].Value.Trim('/'));
        return new(new(page.Groups["id"].Value, type), page.Groups["at"].Success ? page.Groups["at"].Value : null,
            path.Length == 0 ? [] : page.Groups["kind"].Value == "tree" ? [path + "/*"] : [path]);
    }

    /// <summary>Whether a path matches one of some patterns, or there are none.</summary>
    internal static bool Matches(IReadOnlyList<string> patterns, string path) => patterns.Count == 0
        || patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, path, ignoreCase: false));

    [GeneratedRegex(@"^https?://(www\.)?((?<github>github\.com)|huggingface\.co(/(?<dataset>datasets))?)"
        + @"/(?<id>[^/\s?#]+/[^/\s?#]+?)(\.git)?(/(?<kind>tree|blob|resolve)/(?<at>[^/\s?#]+)(?<path>/[^\s?#]*)?)?/?$",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Page();
}
