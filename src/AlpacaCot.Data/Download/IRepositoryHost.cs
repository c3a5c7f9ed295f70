using System.Text.Json;

namespace AlpacaCot.Data.Download;

/// <summary>
/// The protocol of a repository host: its URLs, its file lists and the meaning of its error responses. Everything else about
/// a download is independent of the host.
/// </summary>
internal interface IRepositoryHost
{
    /// <summary>Base URL, shown in messages.</summary>
    Uri Endpoint { get; }

    /// <summary>Name of the protocol for messages.</summary>
    string Kind { get; }

    /// <summary>The access token; null for none.</summary>
    string? Token { get; }

    /// <summary>How to pass a token, for messages.</summary>
    string TokenAdvice { get; }

    /// <summary>Whether an address belongs to the host and receives the token.</summary>
    bool Owns(Uri address);

    /// <summary>URL of a revision's metadata, whose <c>sha</c> is the commit.</summary>
    Uri CommitAddress(string revision);

    /// <summary>URL of a commit's file list, or of its first page.</summary>
    Uri ListAddress(string commit);

    /// <summary>URL of a file's content.</summary>
    Uri FileAddress(string commit, string path);

    /// <summary>Parses a page of the file list.</summary>
    /// <exception cref="FormatException">The page has an unexpected form or lacks elements.</exception>
    /// <exception cref="DownloadException">The page is marked as truncated.</exception>
    IEnumerable<HubFile> Read(JsonElement page);

    /// <summary>Translates an error response to an exception.</summary>
    /// <param name="response">The response with an error status.</param>
    /// <param name="what">The requested object: the repository's id, or a file path.</param>
    /// <param name="revision">The requested branch, tag or commit.</param>
    Exception Refusal(HttpResponseMessage response, string what, string revision);
}
