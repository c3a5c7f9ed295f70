using System.Text.Json;

namespace AlpacaCot.Data.Download;

/// <summary>A repository on the Hugging Face hub, or on a mirror with the same API.</summary>
internal sealed class HubHost(HubOptions options, HubRepository repository) : IRepositoryHost
{
    public Uri Endpoint => options.Endpoint;

    public string Kind => "a Hugging Face hub";

    public string? Token => options.Token;

    public string TokenAdvice => "--token or HF_TOKEN";

    public bool Owns(Uri address) => address.Authority == options.Endpoint.Authority;

    public Uri CommitAddress(string revision) =>
        new(options.Endpoint, $"api/{Plural}/{repository.Id}/revision/{Uri.EscapeDataString(revision)}");

    public Uri ListAddress(string commit) => new(options.Endpoint, $"api/{Plural}/{repository.Id}/tree/{commit}?recursive=true");

    public Uri FileAddress(string commit, string path) => new(options.Endpoint,
        (repository.Type == RepositoryType.Dataset ? "datasets/" : "")
        + $"{repository.Id}/resolve/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}");

    public IEnumerable<HubFile> Read(JsonElement page) => page.ValueKind != JsonValueKind.Array ? throw new FormatException()
        : page.EnumerateArray().Where(entry => entry.GetProperty("type").ValueEquals("file")).Select(entry =>
        {
            var stored = entry.TryGetProperty("lfs", out var lfs) && lfs.ValueKind == JsonValueKind.Object ? lfs : entry;
            return new HubFile(entry.GetProperty("path").GetString()!, stored.GetProperty("size").GetInt64(),
                stored.GetProperty("oid").GetString()!);
        });

    public Exception Refusal(HttpResponseMessage response, string what, string revision)
    {
        var code = (int)response.StatusCode;
        var (error, message) = (HubTransport.Header(response, "X-Error-Code"), HubTransport.Header(response, "X-Error-Message"));
        var kind = repository.Type == RepositoryType.Dataset ? "data set" : "model";
        var said = message is null ? "" : $" The server says: {message}";
        return (code, error) switch
        {
            (_, "GatedRepo") => new DownloadException($"{repository.Id} is gated: access requires accepting its terms. "
                + $"Accept them on {Page} and pass an access token of that account with {TokenAdvice}." + said),
            (_, "RevisionNotFound") => new DownloadException($"{repository.Id} has no branch, tag or commit \"{revision}\"."),
            (_, "EntryNotFound") => new DownloadException($"{what}: file not found (404)."),
            (401 or 404, _) when what == repository.Id => new RepositoryNotFoundException(
                $"{options.Endpoint} has no {kind} {repository.Id} visible "
                + (Token is null ? $"without an access token; a private one needs {TokenAdvice}." : "with this access token.")),
            (401, _) => new DownloadException($"{what}: access denied (401): "
                + (Token is null ? $"an access token is needed; pass one with {TokenAdvice}." : "the access token is not valid.")
                + said),
            (403, _) => new DownloadException($"{what}: access denied (403): "
                + (Token is null ? "it may require an access token or its owners' approval"
                    : "the access token does not grant access") + $"; see {Page}." + said),
            (404 or 410, _) => new DownloadException($"{what}: file not found ({code})."),
            _ => new DownloadException($"{what}: the server refused the request ({code} {response.ReasonPhrase}).{said}"),
        };
    }

    private string Plural => repository.Type == RepositoryType.Dataset ? "datasets" : "models";

    private Uri Page => new(options.Endpoint, (repository.Type == RepositoryType.Dataset ? "datasets/" : "") + repository.Id);
}
