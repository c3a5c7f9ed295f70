using System.Text.Json;

namespace AlpacaCot.Data.Download;

/// <summary>A GitHub repository: the API resolves commits and lists files, the raw host serves the contents.</summary>
internal sealed class GitHubHost(GitHubOptions options, HubRepository repository) : IRepositoryHost
{
    public Uri Endpoint => options.Api;

    public string Kind => "GitHub's API";

    public string? Token => options.Token;

    public string TokenAdvice => "GITHUB_TOKEN";

    public bool Owns(Uri address) => address.Authority == options.Api.Authority || address.Authority == options.Content.Authority;

    public Uri CommitAddress(string revision) =>
        new(options.Api, $"repos/{repository.Id}/commits/{Uri.EscapeDataString(revision)}");

    public Uri ListAddress(string commit) => new(options.Api, $"repos/{repository.Id}/git/trees/{commit}?recursive=1");

    public Uri FileAddress(string commit, string path) => new(options.Content,
        $"{repository.Id}/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}");

    public IEnumerable<HubFile> Read(JsonElement page)
    {
        if (page.GetProperty("truncated").ValueKind == JsonValueKind.True)
            throw new DownloadException($"{repository.Id} exceeds the size of a GitHub listing (100,000 entries or 7 MB). "
                + $"Clone it with: git clone --depth 1 https://github.com/{repository.Id}");
        return page.GetProperty("tree").EnumerateArray().Where(entry => entry.GetProperty("type").ValueEquals("blob"))
            .Select(entry => new HubFile(entry.GetProperty("path").GetString()!, entry.GetProperty("size").GetInt64(),
                entry.GetProperty("sha").GetString()!));
    }

    public Exception Refusal(HttpResponseMessage response, string what, string revision) => (int)response.StatusCode switch
    {
        404 when what == repository.Id => new RepositoryNotFoundException($"{options.Api} has no repository {repository.Id} "
            + $"visible {(Token is null ? $"without a token; a private one needs {TokenAdvice}." : "with this token.")}"),
        422 => new DownloadException($"{repository.Id} has no branch, tag or commit \"{revision}\"."),
        409 => new DownloadException($"{repository.Id} is an empty repository."),
        401 => new DownloadException($"{what}: GitHub rejects the token from {TokenAdvice} (401)."),
        403 => new DownloadException($"{what}: access denied (403); see https://github.com/{repository.Id}."),
        451 => new DownloadException($"{what}: GitHub has blocked it for legal reasons (451)."),
        404 or 410 => new DownloadException($"{what}: file not found ({(int)response.StatusCode})."),
        var code => new DownloadException($"{what}: GitHub refused the request ({code} {response.ReasonPhrase})."),
    };
}
