using System.Net;
using System.Net.Http.Headers;

namespace AlpacaCot.Data.Download;

/// <summary>Requests to a hub: redirects, the token, waiting and trying again, and what its refusals mean.</summary>
internal sealed class HubTransport : IDisposable
{
    private const int MostRedirects = 10;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    private readonly HubOptions _options;
    private readonly IDownloadObserver _observer;
    private readonly HttpClient _client;

    public HubTransport(HubOptions options, IDownloadObserver observer)
    {
        (_options, _observer) = (options, observer);
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,   // done here: the token goes to the hub alone
            ConnectTimeout = options.Patience,
            MaxConnectionsPerServer = Math.Max(1, options.Connections),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,   // each step has its own limit: a large file may take days
        };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("alpaca-cot",
            typeof(HubTransport).Assembly.GetName().Version?.ToString(3)));
        if (options.Token is not null && !IsSafeForToken(options.Endpoint))
            observer.Note($"the access token is not sent: {options.Endpoint} is not encrypted");
    }

    /// <summary>
    /// Does one request and its reading again and again until it succeeds: failures of the network and of the server are waited
    /// out, longer each time; refusals are not.
    /// </summary>
    /// <param name="what">Names the work in messages.</param>
    /// <param name="work">One attempt, which goes on where the last one ended.</param>
    /// <param name="progress">How far the work has come; an attempt that moved it is not counted against it.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task RetryAsync(string what, Func<Task> work, Func<long> progress, CancellationToken cancel)
    {
        var failures = 0;
        while (true)
        {
            var before = progress();
            try
            {
                await work().ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (Transient(e, cancel))
            {
                failures = progress() > before ? 1 : failures + 1;   // a connection that drops often but delivers may go on
                if (failures >= _options.Attempts)
                    throw new DownloadException($"{what}: given up after {failures} attempts: {Reason(e)}. " + Advice(e), e);
                var wait = (e as ServerBusyException)?.RetryAfter ?? Backoff(failures);
                if (wait > LongestWait)
                    throw new DownloadException($"{what}: the server asks to wait {wait.TotalMinutes:0} minutes ({Reason(e)}). "
                        + "Repeat the command then; what has arrived is kept.", e);
                _observer.Note($"{what}: {Reason(e)}; trying again in {wait.TotalSeconds:0.0} s");
                await _options.Wait(wait, cancel).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends a request and returns the answer at its headers, redirects followed.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="from">The first byte wanted; null for the whole.</param>
    /// <param name="to">The last byte wanted.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task<HttpResponseMessage> SendAsync(Uri address, long? from, long? to, CancellationToken cancel)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (from is not null) request.Headers.Range = new RangeHeaderValue(from, to);
            if (_options.Token is { } token && IsHub(address) && IsSafeForToken(address))
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(_options.Patience);
            HttpResponseMessage response;
            try
            {
                response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead,
                    limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new TimeoutException($"no answer within {_options.Patience.TotalSeconds:0} s");
            }
            if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect) || response.Headers.Location is null)
                return response;
            var next = new Uri(address, response.Headers.Location);
            response.Dispose();
            if (redirects == MostRedirects) throw new DownloadException($"{Plain(address)}: the server redirects in circles");
            if (next.Scheme is not ("https" or "http") || (address.Scheme == "https" && next.Scheme == "http"))
                throw new DownloadException($"{Plain(address)}: the server redirects to {Plain(next)}, which is not encrypted");
            address = next;
        }
    }

    /// <summary>Reads on, and fails where nothing comes.</summary>
    public async Task<int> ReadAsync(Stream body, Memory<byte> buffer, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(_options.Patience);
        try
        {
            return await body.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"the server has sent nothing for {_options.Patience.TotalSeconds:0} s");
        }
    }

    /// <summary>Fails where the answer is none: with what may pass, or with what a person has to do.</summary>
    public void Check(HttpResponseMessage response, HubRepository repository, string what)
    {
        if (response.IsSuccessStatusCode) return;
        var code = (int)response.StatusCode;
        if (code is 408 or 425 or 429 or >= 500)
        {
            var after = response.Headers.RetryAfter;
            throw new ServerBusyException($"the server answered {code}{(code == 429 ? ", too many requests" : "")}",
                after?.Delta ?? (after?.Date - DateTimeOffset.UtcNow is { } until ? TimeSpan.FromTicks(Math.Max(0, until.Ticks))
                    : null));
        }
        string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
        var (error, message) = (Header("X-Error-Code"), Header("X-Error-Message"));
        var kind = repository.Type == RepositoryType.Dataset ? "data set" : "model";
        var said = message is null ? "" : $" The server says: {message}";
        throw (code, error) switch
        {
            (_, "GatedRepo") => new DownloadException($"{repository.Id} is gated: its owners ask for an agreement first. "
                + $"Agree on {Page(repository)} and give an access token of that account with --token or HF_TOKEN." + said),
            (_, "RevisionNotFound") => new DownloadException(
                $"{repository.Id} has no branch, tag or commit \"{_options.Revision}\"."),
            (_, "EntryNotFound") => new DownloadException($"{what}: the file is not there (404)."),
            (401 or 404, _) when what == repository.Id => new RepositoryNotFoundException(
                $"{_options.Endpoint} has no {kind} {repository.Id} that can be seen "
                + (_options.Token is null ? "without an access token; a private one needs --token or HF_TOKEN."
                    : "with this access token.")),
            (401, _) => new DownloadException($"{what}: not allowed (401): "
                + (_options.Token is null ? "an access token is needed; give one with --token or HF_TOKEN."
                    : "the access token is not valid.")
                + said),
            (403, _) => new DownloadException($"{what}: not allowed (403): "
                + (_options.Token is null ? "it may need an access token, or its owners' agreement"
                    : "the access token has no right to it")
                + $"; see {Page(repository)}." + said),
            (404 or 410, _) => new DownloadException($"{what}: the file is not there ({code})."),
            _ => new DownloadException($"{what}: the server refuses ({code} {response.ReasonPhrase}).{said}"),
        };
    }

    /// <summary>Whether an address is the endpoint's own host.</summary>
    public bool IsHub(Uri address) => address.Authority == _options.Endpoint.Authority;

    /// <summary>An address without its query, which may hold a signature.</summary>
    public static string Plain(Uri address) => address.GetLeftPart(UriPartial.Path);

    public void Dispose() => _client.Dispose();

    private string Page(HubRepository repository) =>
        new Uri(_options.Endpoint, (repository.Type == RepositoryType.Dataset ? "datasets/" : "") + repository.Id).ToString();

    private static bool IsSafeForToken(Uri address) => address.Scheme == "https" || address.IsLoopback;

    // The first wait is half a second, each next one twice as long, up to a minute; half of it is chance, so that many clients
    // that were refused together do not come back together.
    private static TimeSpan Backoff(int failures) =>
        TimeSpan.FromSeconds(Math.Min(60, 0.5 * Math.Pow(2, failures - 1)) * (0.5 + 0.5 * Random.Shared.NextDouble()));

    private static bool Transient(Exception e, CancellationToken cancel) => !cancel.IsCancellationRequested
        && (e is ServerBusyException or TimeoutException or IOException
            || e is HttpRequestException { HttpRequestError: not HttpRequestError.SecureConnectionError });

    private static string Reason(Exception e) => e switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "the host's name is not found",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => $"no connection ({e.Message})",
        IOException or HttpRequestException => "the connection was lost",
        _ => e.Message,
    };

    private static string Advice(Exception e) => e is HttpRequestException
        ? "Is there a network, and is the endpoint right? With --offline what is in the cache is used."
        : "What has arrived is kept: repeat the command to continue.";
}

/// <summary>The server cannot answer now.</summary>
internal sealed class ServerBusyException(string message, TimeSpan? retryAfter) : Exception(message)
{
    public TimeSpan? RetryAfter => retryAfter;
}

/// <summary>There is no such repository, or it is not shown.</summary>
internal sealed class RepositoryNotFoundException(string message) : Exception(message);
