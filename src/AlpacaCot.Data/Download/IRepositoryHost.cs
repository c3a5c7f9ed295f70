using System.Text.Json;

namespace AlpacaCot.Data.Download;

/// <summary>
/// How a place that holds repositories is spoken to: where it tells a commit, lists files and hands out their contents, how its
/// lists read, and what its refusals mean. All else of a download is the same everywhere.
/// </summary>
internal interface IRepositoryHost
{
    /// <summary>What messages call the place.</summary>
    Uri Endpoint { get; }

    /// <summary>The kind of place, in messages.</summary>
    string Kind { get; }

    /// <summary>The access token; null without one.</summary>
    string? Token { get; }

    /// <summary>How a person gives a token, in messages.</summary>
    string TokenAdvice { get; }

    /// <summary>Whether an address is the place's own, which gets the token.</summary>
    bool Owns(Uri address);

    /// <summary>The address that tells the commit of a revision, as <c>sha</c>.</summary>
    Uri CommitAddress(string revision);

    /// <summary>The address of the list of a commit's files, or of its first page.</summary>
    Uri ListAddress(string commit);

    /// <summary>The address of a file's content.</summary>
    Uri FileAddress(string commit, string path);

    /// <summary>The files on a page of the list.</summary>
    /// <exception cref="FormatException">The page has another form, or elements are missing.</exception>
    /// <exception cref="DownloadException">The page says that the list is not whole.</exception>
    IEnumerable<HubFile> Read(JsonElement page);

    /// <summary>What an answer other than success means.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="what">What was asked for: the repository's id, or a file.</param>
    /// <param name="revision">The branch, tag or commit.</param>
    Exception Refusal(HttpResponseMessage response, string what, string revision);
}
