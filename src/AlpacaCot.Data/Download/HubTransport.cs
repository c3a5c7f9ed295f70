using System.Net;
using System.Net.Http.Headers;

namespace AlpacaCot.Data.Download;

/// <summary>HTTP requests to a model hub or to GitHub with redirects, the access token, timeouts and retries.</summary>
internal sealed class HubTransport : IDisposable
{
    private const int MostRedirects = 10;

    private readonly HubOptions _options;
    private readonly IRepositoryHost _host;
    private readonly IDownloadObserver _observer;
    private readonly HttpClient _client;
    private readonly RetryPolicy _retries;

    public HubTransport(HubOptions options, IRepositoryHost host, IDownloadObserver observer)
    {
        (_options, _host, _observer) = (options, host, observer);
        _retries = new RetryPolicy
        {
            Attempts = Math.Max(1, options.Attempts), FirstWait = TimeSpan.FromSeconds(0.5), Wait = options.Wait,
        };
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,   // handled here, so that the token is sent to the hub only
            ConnectTimeout = options.Patience,
            MaxConnectionsPerServer = Math.Max(1, options.Connections),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,   // each step has its own limit: a large file may take days
        };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("alpaca-cot",
            typeof(HubTransport).Assembly.GetName().Version?.ToString(3)));
        if (host.Token is not null && !IsSafeForToken(host.Endpoint))
            observer.Note($"the access token is not sent: {host.Endpoint} is not encrypted");
    }

    /// <summary>
    /// Repeats a request and the reading of its response until both succeed. Network and server failures are retried with
    /// increasing waits; refusals are not.
    /// </summary>
    /// <param name="what">Names the work in messages.</param>
    /// <param name="work">One attempt; it continues from the end of the previous one.</param>
    /// <param name="progress">A count that grows with the work; an attempt that increased it resets the count of
    /// failures.</param>
    /// <param name="cancel">Cancels the work.</param>
    public async Task RetryAsync(string what, Func<Task> work, Func<long> progress, CancellationToken cancel)
    {
        static TimeSpan? Requested(Exception e) => (e as ServerBusyException)?.RetryAfter;
        try
        {
            await _retries.RunAsync(async () =>
            {
                await work().ConfigureAwait(false);
                return true;
            }, e => Transient(e, cancel), Requested, progress, (e, wait) =>
                _observer.Note($"{what}: {Reason(e)}; trying again in {wait.TotalSeconds:0.0} s"), cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (Transient(e, cancel))
        {
            if (Requested(e) is { } wait && wait > _retries.LongestRequestedWait)
                throw new DownloadException($"{what}: the server asks to wait {wait.TotalMinutes:0} minutes ({Reason(e)}). "
                    + "Repeat the command then; downloaded parts are kept.", e);
            throw new DownloadException($"{what}: given up after {_retries.Attempts} attempts: {Reason(e)}. " + Advice(e), e);
        }
    }

    /// <summary>Sends a request and follows redirects and returns the response once its headers have arrived.</summary>
    /// <param name="address">The URL.</param>
    /// <param name="from">The first byte of the range; null for the whole file.</param>
    /// <param name="to">The last byte of the range; null for the end of the file.</param>
    /// <param name="cancel">Cancels the request.</param>
    public async Task<HttpResponseMessage> SendAsync(Uri address, long? from, long? to, CancellationToken cancel)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (from is not null) request.Headers.Range = new RangeHeaderValue(from, to);
            if (_host.Token is { } token && _host.Owns(address) && IsSafeForToken(address))
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

    /// <summary>Reads the next bytes of a body; fails with a <see cref="TimeoutException"/> where none arrive in time.</summary>
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

    /// <summary>Throws for an unsuccessful response: a retryable exception, or a refusal with its remedy.</summary>
    /// <param name="response">The response.</param>
    /// <param name="what">The requested repository id or file.</param>
    /// <param name="revision">The requested branch, tag or commit.</param>
    public void Check(HttpResponseMessage response, string what, string revision)
    {
        if (response.IsSuccessStatusCode) return;
        var code = (int)response.StatusCode;
        if (code is 408 or 425 or 429 or >= 500)
        {
            if (code == 429 && Limit(response) is { } used) throw used;
            throw new ServerBusyException($"the server answered {code}{(code == 429 ? ", too many requests" : "")}",
                RetryPolicy.WaitOf(response.Headers.RetryAfter));
        }
        if (code == 403 && Limit(response) is { } limited) throw limited;
        if (code == 403 && response.Headers.RetryAfter?.Delta is { } later)
            throw new ServerBusyException("the server asks for fewer requests at a time", later);
        throw _host.Refusal(response, what, revision);
    }

    /// <summary>An address without its query, which may hold a signature.</summary>
    public static string Plain(Uri address) => address.GetLeftPart(UriPartial.Path);

    /// <summary>A header of a response; null where it is absent.</summary>
    public static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    public void Dispose() => _client.Dispose();

    // GitHub reports an exhausted rate limit with 403 or 429 and these headers.
    private ServerBusyException? Limit(HttpResponseMessage response)
    {
        if (Header(response, "x-ratelimit-remaining") != "0"
            || !long.TryParse(Header(response, "x-ratelimit-reset"), out var reset)) return null;
        var wait = TimeSpan.FromSeconds(Math.Clamp(reset - DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 1, 86_400));
        return new($"the {Header(response, "x-ratelimit-limit")} requests an hour that the server allows are used up"
            + (_host.Token is null ? $"; with a token ({_host.TokenAdvice}) it allows more" : ""), wait);
    }

    private static bool IsSafeForToken(Uri address) => address.Scheme == "https" || address.IsLoopback;

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
        ? "Is there a network, and is the endpoint right? With --offline only cached files are used."
        : "Downloaded parts are kept: repeat the command to continue.";
}

/// <summary>The server cannot serve the request now; the request may be retried.</summary>
internal sealed class ServerBusyException(string message, TimeSpan? retryAfter) : Exception(message)
{
    public TimeSpan? RetryAfter => retryAfter;
}

/// <summary>The repository does not exist or is not accessible.</summary>
internal sealed class RepositoryNotFoundException(string message) : Exception(message);
