using System.Net;
using System.Net.Http.Headers;

namespace AlpacaCot.Data.Download;

/// <summary>Requests to a hub or to GitHub: redirects, the token, waiting and trying again.</summary>
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
        if (host.Token is not null && !IsSafeForToken(host.Endpoint))
            observer.Note($"the access token is not sent: {host.Endpoint} is not encrypted");
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
                    + "Repeat the command then; what has arrived is kept.", e);
            throw new DownloadException($"{what}: given up after {_retries.Attempts} attempts: {Reason(e)}. " + Advice(e), e);
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
    /// <param name="response">The answer.</param>
    /// <param name="what">What was asked for: the repository's id, or a file.</param>
    /// <param name="revision">The branch, tag or commit that was asked for.</param>
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

    /// <summary>A header of an answer; null where it has none of this name.</summary>
    public static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    public void Dispose() => _client.Dispose();

    // GitHub says with 403 or 429 and these headers that no more requests are allowed for now.
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
