using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace AlpacaCot.Data.Tests.Download;

/// <summary>What the hub was asked.</summary>
internal sealed record HubRequest(string Target, string Host, long? From, long? To, string? Token);

/// <summary>What it answers, and the trouble it makes on the way.</summary>
internal sealed record HubReply(int Status, byte[] Body, params string[] Headers)
{
    public HubReply(int status, string body, params string[] headers) : this(status, Encoding.UTF8.GetBytes(body), headers) { }

    /// <summary>Sends only so many bytes of the body, then drops the connection.</summary>
    public int DropAfter { get; init; } = int.MaxValue;

    /// <summary>Sends so many bytes at a time, with a pause of a millisecond after each; 0 sends all at once.</summary>
    public int Throttle { get; init; }

    /// <summary>Sends nothing behind so many bytes, and keeps the connection open.</summary>
    public int StallAfter { get; init; } = int.MaxValue;
}

/// <summary>
/// A hub on this machine with one repository, <c>owner/name</c> or another. Large files are redirected to a storage on another
/// host (<c>localhost</c> in place of <c>127.0.0.1</c>), as the real hub does it. The same files are also on a GitHub whose API
/// is at the same address, and whose contents are below <c>raw</c>; there no file is large.
/// </summary>
internal sealed class FakeHub : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, (byte[] Content, bool Large)> _files = [];

    public FakeHub()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
    public Uri Endpoint => new($"http://127.0.0.1:{Port}/");
    public Uri Raw => new(Endpoint, "raw/");
    public ConcurrentQueue<HubRequest> Requests { get; } = [];

    /// <summary>The repository's ids.</summary>
    public IReadOnlyList<string> Ids { get; init; } = ["owner/name"];

    /// <summary>Whether GitHub says that its list is not whole.</summary>
    public bool Truncated { get; set; }

    /// <summary>Answers in place of the hub where it returns something: called with a request and what it would
    /// answer.</summary>
    public Func<HubRequest, HubReply, HubReply?>? Trouble { get; set; }

    /// <summary>How many files a page of the list has.</summary>
    public int PageSize { get; set; } = 1000;

    public string Kind { get; init; } = "datasets";

    public byte[] Add(string path, int size, bool large)
    {
        var content = new byte[size];
        new Random(size).NextBytes(content);
        return Add(path, content, large);
    }

    public byte[] Add(string path, byte[] content, bool large)
    {
        _files[path] = (content, large);
        return content;
    }

#pragma warning disable CA5350 // git's name for a blob
    public static string Digest(byte[] content, bool large) => Convert.ToHexStringLower(large ? SHA256.HashData(content)
        : SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350

    public int Asked(string part) => Requests.Count(request => request.Target.Contains(part, StringComparison.Ordinal));

    public void Dispose()
    {
        if (_stop.IsCancellationRequested) return;
        _stop.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        try
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            var target = (await reader.ReadLineAsync(_stop.Token))?.Split(' ')[1];
            if (target is null) return;
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
                headers[line[..line.IndexOf(':')]] = line[(line.IndexOf(':') + 1)..].Trim();
            var range = headers.TryGetValue("Range", out var value) ? value["bytes=".Length..].Split('-') : null;
            var request = new HubRequest(target, headers["Host"].Split(':')[0], range is null ? null : long.Parse(range[0]),
                range is [_, { Length: > 0 } to] ? long.Parse(to) : null, headers.GetValueOrDefault("Authorization"));
            Requests.Enqueue(request);
            var reply = Reply(request);
            await SendAsync(stream, Trouble?.Invoke(request, reply) ?? reply);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
        }
    }

    private async Task SendAsync(NetworkStream stream, HubReply reply)
    {
        var lines = new List<string>(reply.Headers);
        if (!lines.Any(line => line.StartsWith("Content-Length", StringComparison.Ordinal)))
            lines.Add($"Content-Length: {reply.Body.Length}");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {reply.Status} X\r\nConnection: close\r\n{string.Join("\r\n", lines)}\r\n\r\n"), _stop.Token);
        var end = Math.Min(Math.Min(reply.DropAfter, reply.StallAfter), reply.Body.Length);
        var step = reply.Throttle > 0 ? reply.Throttle : Math.Max(1, end);
        for (var at = 0; at < end; at += step)
        {
            await stream.WriteAsync(reply.Body.AsMemory(at, Math.Min(step, end - at)), _stop.Token);
            if (reply.Throttle > 0) await Task.Delay(1, _stop.Token);
        }
        if (reply.StallAfter < reply.Body.Length) await Task.Delay(Timeout.Infinite, _stop.Token);
    }

    private HubReply Reply(HubRequest request)
    {
        if (request.Target.StartsWith("/repos/", StringComparison.Ordinal)
            || request.Target.StartsWith("/raw/", StringComparison.Ordinal)) return GitHub(request);
        var id = Ids.FirstOrDefault(one => request.Target.Contains($"/{one}/", StringComparison.Ordinal)) ?? "owner/name";
        var (api, resolve) = ($"/api/{Kind}/{id}", $"{(Kind == "datasets" ? "/datasets" : "")}/{id}/resolve/{Commit}/");
        if (request.Target is var target && (target == $"{api}/revision/main" || target == $"{api}/revision/{Commit}"))
            return new(200, $$"""{"sha":"{{Commit}}","siblings":[]}""");
        if (target.StartsWith($"{api}/tree/{Commit}", StringComparison.Ordinal)) return List(target);
        if (target.StartsWith("/storage/", StringComparison.Ordinal))
            return request.Host == "localhost"
                ? Content(request, _files.Values.Single(f => Digest(f.Content, true) == target[9..73]).Content)
                : new(500, "");
        var path = target.StartsWith(resolve, StringComparison.Ordinal) ? Uri.UnescapeDataString(target[resolve.Length..]) : "";
        if (!_files.TryGetValue(path, out var file))
            return new(404, "", "X-Error-Code: "
                + (path.Length > 0 ? "EntryNotFound" : target.Contains("revision") && target.StartsWith(api) ? "RevisionNotFound"
                    : "RepoNotFound"));
        return file.Large
            ? new(302, "", $"Location: http://localhost:{Port}/storage/{Digest(file.Content, true)}?signature=secret")
            : Content(request, file.Content);
    }

    private HubReply GitHub(HubRequest request)
    {
        var segments = request.Target.Split('/', 5);
        if (!Ids.Contains($"{segments[2]}/{segments[3]}")) return new(404, """{"message":"Not Found"}""");
        if (segments[1] == "raw")
            return segments[4].StartsWith(Commit + "/", StringComparison.Ordinal)
                && _files.TryGetValue(Uri.UnescapeDataString(segments[4][41..]), out var file)
                    ? Content(request, file.Content) : new(404, "404: Not Found");
        if (segments[4].StartsWith("commits/", StringComparison.Ordinal))
            return segments[4][8..] is "HEAD" or "main" or Commit ? new(200, $$"""{"sha":"{{Commit}}","parents":[]}""")
                : new(422, """{"message":"No commit found"}""");
        var tree = _files.Select(entry => (object)new
        {
            path = entry.Key, mode = "100644", type = "blob", sha = Digest(entry.Value.Content, false),
                size = entry.Value.Content.Length,
        }).Append(new { path = "folder", mode = "040000", type = "tree", sha = Commit })
            .Append(new { path = "module", mode = "160000", type = "commit", sha = Commit });
        return segments[4] == $"git/trees/{Commit}?recursive=1"
            ? new(200, JsonSerializer.Serialize(new { sha = Commit, tree, truncated = Truncated })) : new(404, "");
    }

    private HubReply List(string target)
    {
        var from = target.Contains("cursor=") ? int.Parse(target.Split("cursor=")[1]) : 0;
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartArray();
            foreach (var (path, (content, large)) in _files.Skip(from).Take(PageSize))
            {
                json.WriteStartObject();
                json.WriteString("type", "file");
                json.WriteString("path", path);
                json.WriteNumber("size", content.Length);
                json.WriteString("oid", Digest(content, false));
                if (large)
                {
                    json.WriteStartObject("lfs");
                    json.WriteString("oid", Digest(content, true));
                    json.WriteNumber("size", content.Length);
                    json.WriteEndObject();
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        // The next page is named as the hub behind a mirror would name it.
        string[] next = from + PageSize < _files.Count
            ? [$"Link: <https://hub.invalid{target.Split('&')[0]}&cursor={from + PageSize}>; rel=\"next\""] : [];
        return new(200, body.ToArray(), next);
    }

    private static HubReply Content(HubRequest request, byte[] content)
    {
        if (request.From is not { } from) return new(200, content, "Accept-Ranges: bytes");
        var to = Math.Min(request.To ?? content.Length - 1, content.Length - 1);
        return new(206, content[(int)from..(int)(to + 1)], $"Content-Range: bytes {from}-{to}/{content.Length}");
    }
}
