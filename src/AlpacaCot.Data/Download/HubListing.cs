using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>Queries a host for a repository's commit and file list.</summary>
internal sealed partial class HubListing(HubTransport transport, IRepositoryHost host, HubRepository repository, string revision)
{
    private const int MostFiles = 1_000_000, MostPages = 10_000;
    private const int LargestAnswer = 64 << 20;   // bytes; a page of a listing has a few hundred KB

    /// <summary>Resolves a branch, tag or commit to a commit.</summary>
    public async Task<string> CommitAsync(CancellationToken cancel)
    {
        var (json, _) = await GetAsync(host.CommitAddress(revision), cancel).ConfigureAwait(false);
        using (json)
            return Inside(() => json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("sha", out var sha)
                && sha.ValueKind == JsonValueKind.String && HubCache.IsCommit(sha.GetString()!) ? sha.GetString()!
                    : throw Strange());
    }

    /// <summary>The files of a commit, sorted by path.</summary>
    public async Task<IReadOnlyList<HubFile>> FilesAsync(string commit, CancellationToken cancel)
    {
        var (files, seen) = (new List<HubFile>(), new HashSet<Uri>());
        for (var page = host.ListAddress(commit); page is not null;)
        {
            // A listing that leads back to a page, or never ends, would be followed for ever.
            if (!seen.Add(page)) throw Strange();
            var (json, next) = await GetAsync(page, cancel).ConfigureAwait(false);
            using (json) files.AddRange(Read(json.RootElement));
            if (files.Count > MostFiles || seen.Count > MostPages)
                throw new DownloadException($"{host.Endpoint} lists more than {MostFiles:N0} files in {repository.Id}, or more "
                    + "than "
                    + $"{MostPages:N0} pages; check the endpoint");
            page = next;
        }
        return [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    private List<HubFile> Read(JsonElement page) => Inside(() =>
    {
        List<HubFile> files = [.. host.Read(page)];
        return files.Find(file => !IsPossible(file)) is not { } strange ? files
            : throw new DownloadException($"{host.Endpoint} lists a file of {repository.Id} "
                + $"with an invalid path or hash: {strange.Path}");
    });

    private T Inside<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not IOException && InputBoundary.IsOfContent(e))
        {
            throw Strange(e);
        }
    }

    // Path and digest become file names: a host must not be able to point outside the cache.
    private static bool IsPossible(HubFile file) => file is { Size: >= 0, Digest: not null, Path: not null }
        && file.Digest.All(char.IsAsciiHexDigitLower) && file.Digest.Length is 40 or 64
        && file.Path.Split('/').All(part => part is not ("" or "." or "..") && part.IndexOfAny(['\\', ':', '\0']) < 0);

    private async Task<(JsonDocument Json, Uri? Next)> GetAsync(Uri address, CancellationToken cancel)
    {
        var (body, next) = (new MemoryStream(), (Uri?)null);
        await transport.RetryAsync(repository.Id, async () =>
        {
            using var response = await transport.SendAsync(address, null, null, cancel).ConfigureAwait(false);
            transport.Check(response, repository.Id, revision);
            next = NextPage(response.Headers);
            body.SetLength(0);
            var buffer = new byte[81920];
            using var stream = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
            while (await transport.ReadAsync(stream, buffer, cancel).ConfigureAwait(false) is > 0 and var count)
            {
                body.Write(buffer, 0, count);
                if (body.Length > LargestAnswer) throw Strange();
            }
        }, () => 0, cancel).ConfigureAwait(false);
        try
        {
            return (JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length)), next);
        }
        catch (JsonException e)
        {
            var head = body.GetBuffer().AsSpan(0, (int)body.Length);
            throw ForeignContent.Name(head, "list.json", -1) is { } kind
                ? new DownloadException($"{HubTransport.Plain(address)}: the server sent {kind} instead of the file list. "
                    + "Check whether the network requires a login, and the endpoint.", e)
                : Strange(e);
        }
    }

    // A mirror may return addresses of the hub behind it; the next page is requested from the same host as the first.
    private Uri? NextPage(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("Link", out var links)) return null;
        var match = links.Select(link => NextLink().Match(link)).FirstOrDefault(found => found.Success);
        if (match is null) return null;
        if (!Uri.TryCreate(host.Endpoint, match.Groups[1].Value, out var next)) throw Strange();
        var api = next.PathAndQuery.IndexOf("/api/", StringComparison.Ordinal);
        return host.Owns(next) || api < 0 ? next : new Uri(host.Endpoint, next.PathAndQuery[(api + 1)..]);
    }

    private DownloadException Strange(Exception? cause = null)
    {
        var message = $"{host.Endpoint} gave an answer about {repository.Id} that {host.Kind} would not give. "
            + "Check the endpoint.";
        return cause is null ? new(message) : new(message, cause);
    }

    [GeneratedRegex("<([^>]+)>\\s*;\\s*rel=\"?next\"?")]
    private static partial Regex NextLink();
}
