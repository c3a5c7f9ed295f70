using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace AlpacaCot.Data.Download;

/// <summary>A repository, optionally at a revision and restricted to some of its files.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Revision">The branch, tag or commit; null for the default one.</param>
/// <param name="Files">Path patterns; <c>*</c> also matches slashes, <c>?</c> one character. Empty: all files.</param>
public sealed partial record RepositoryPart(HubRepository Repository, string? Revision, IReadOnlyList<string> Files)
{
    /// <summary>The effective branch, tag or commit.</summary>
    public string At => Revision ?? Repository.MainRevision;

    /// <summary>Whether a path matches <see cref="Files"/>.</summary>
    public bool Has(string path) => Matches(Files, path);

    /// <summary>
    /// Parses <c>owner/name</c>, or a URL on the hub or GitHub: of a repository, a folder
    /// (<c>.../tree/REVISION/FOLDER</c>) or a file (<c>.../blob/REVISION/FILE</c>). A revision in a URL must not contain a
    /// slash, because it could not be separated from the path.
    /// </summary>
    /// <returns>The part; null if the text has neither form.</returns>
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

    /// <summary>Whether a path matches one of the patterns; true if there are none.</summary>
    internal static bool Matches(IReadOnlyList<string> patterns, string path) => patterns.Count == 0
        || patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, path, ignoreCase: false));

    [GeneratedRegex(@"^https?://(www\.)?((?<github>github\.com)|huggingface\.co(/(?<dataset>datasets))?)"
        + @"/(?<id>[^/\s?#]+/[^/\s?#]+?)(\.git)?(/(?<kind>tree|blob|resolve)/(?<at>[^/\s?#]+)(?<path>/[^\s?#]*)?)?/?$",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Page();
}
