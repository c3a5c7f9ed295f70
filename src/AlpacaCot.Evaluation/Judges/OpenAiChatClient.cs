using System.ClientModel;
using System.ClientModel.Primitives;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using AlpacaCot.Data;
using AlpacaCot.Text;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>
/// A client of an OpenAI-compatible chat endpoint. It wraps OpenAI's own client and adds three things: a request is sent once and
/// its failure classified for <see cref="RetryPolicy"/>, an endpoint without a key gets no authorization header, and the
/// limit of the answer is sent as <c>max_tokens</c>, which every server supports.
/// </summary>
public sealed class OpenAiChatClient : DelegatingChatClient
{
    private readonly HttpClient _http;
    private readonly TimeSpan _patience;
    private readonly Uri _endpoint;

    /// <summary>Creates a client of an endpoint.</summary>
    /// <param name="endpoint">Its base URL, such as <c>http://localhost:8000/v1</c>.</param>
    /// <param name="model">The model's name at the endpoint.</param>
    /// <param name="key">The access key; null for none.</param>
    /// <param name="patience">The time limit of one request; two minutes by default.</param>
    public OpenAiChatClient(Uri endpoint, string model, string? key = null, TimeSpan? patience = null)
        : this(endpoint, model, key, patience ?? TimeSpan.FromMinutes(2),
            new HttpClient { Timeout = System.Threading.Timeout.InfiniteTimeSpan })
    {
    }

    private OpenAiChatClient(Uri endpoint, string model, string? key, TimeSpan patience, HttpClient http)
        : base(Connect(endpoint, model, key, http)) => (_endpoint, _patience, _http) = (endpoint, patience, http);

    /// <inheritdoc/>
    /// <exception cref="ChatFailureException">The endpoint gave no usable answer; <see cref="ChatFailureException.Kind"/> tells
    /// whether a retry may help.</exception>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_patience);
        try
        {
            return await base.GetResponseAsync(messages, Request(options), limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new ChatFailureException($"no answer within {_patience.TotalSeconds:0.#} s", ChatFailure.Passing, cause: e);
        }
        catch (ClientResultException e) when (e.GetRawResponse() is { } response)
        {
            throw Refused(response, e);
        }
        catch (ClientResultException e)
        {
            throw new ChatFailureException($"{_endpoint.GetLeftPart(UriPartial.Authority)} cannot be reached: {e.Message}",
                ChatFailure.Passing, cause: e);
        }
        catch (Exception e) when (InputBoundary.IsOfContent(e))
        {
            throw new ChatFailureException($"the answer is not a chat completion: {e.Message}", ChatFailure.Passing, cause: e);
        }
    }

    /// <inheritdoc/>
    public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
        ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var whole = await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        foreach (var update in whole.ToChatResponseUpdates()) yield return update;
    }

    /// <summary>Closes the connection.</summary>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing) _http.Dispose();
    }

    private static IChatClient Connect(Uri endpoint, string model, string? key, HttpClient http)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        var options = new OpenAIClientOptions
        {
            Endpoint = new Uri(endpoint.AbsoluteUri.TrimEnd('/')), Transport = new HttpClientPipelineTransport(http),
            RetryPolicy = new ClientRetryPolicy(maxRetries: 0), NetworkTimeout = System.Threading.Timeout.InfiniteTimeSpan,
        };
        var anonymous = string.IsNullOrEmpty(key);
        if (anonymous) options.AddPolicy(new WithoutKey(), PipelinePosition.BeforeTransport);
        return new ChatClient(model, new ApiKeyCredential(anonymous ? "none" : key!), options).AsIChatClient();
    }

    private static ChatOptions Request(ChatOptions? options)
    {
        var limit = options?.MaxOutputTokens ?? 1024;
        return new ChatOptions
        {
            Temperature = options?.Temperature ?? 0,
            RawRepresentationFactory = _ =>
            {
                var request = new ChatCompletionOptions();
#pragma warning disable SCME0001 // The patch of a request's JSON is marked as experimental.
                request.Patch.Set("$.max_tokens"u8, limit);
#pragma warning restore SCME0001
                return request;
            },
        };
    }

    private static ChatFailureException Refused(PipelineResponse response, Exception cause)
    {
        var kind = response.Status switch
        {
            408 or 429 or >= 500 => ChatFailure.Passing,
            400 or 413 or 422 => ChatFailure.OfRequest, // too long, or filtered
            _ => ChatFailure.Lasting,
        };
        var wait = response.Headers.TryGetValue("Retry-After", out var text)
            && RetryConditionHeaderValue.TryParse(text, out var header) ? RetryPolicy.WaitOf(header) : null;
        return new ChatFailureException(
            $"the endpoint says {response.Status} {response.ReasonPhrase}: {Short(response.Content.ToString())}", kind, wait,
                cause);
    }

    private static string Short(string body) =>
        (body.Length > 200 ? body[..200] + "..." : body).ReplaceLineEndings(" ");

    // OpenAI's client requires a key and would send a placeholder.
    private sealed class WithoutKey : PipelinePolicy
    {
        public override void Process(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex)
        {
            message.Request.Headers.Remove("Authorization");
            ProcessNext(message, pipeline, currentIndex);
        }

        public override ValueTask ProcessAsync(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex)
        {
            message.Request.Headers.Remove("Authorization");
            return ProcessNextAsync(message, pipeline, currentIndex);
        }
    }
}

/// <summary>The scope of a chat model's failure.</summary>
public enum ChatFailure
{
    /// <summary>A transient failure, such as a busy or unreachable server; a retry may help.</summary>
    Passing,

    /// <summary>A failure of this request only, such as one that is too long.</summary>
    OfRequest,

    /// <summary>A permanent failure of all requests, such as a wrong key.</summary>
    Lasting,
}

/// <summary>A chat model gave no answer.</summary>
public sealed class ChatFailureException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">The message.</param>
    /// <param name="kind">The scope of the failure.</param>
    /// <param name="retryAfter">The wait that the server requests; null for none.</param>
    /// <param name="cause">The cause.</param>
    public ChatFailureException(string message, ChatFailure kind, TimeSpan? retryAfter = null, Exception? cause = null)
        : base(message, cause) =>
        (Kind, RetryAfter) = (kind, retryAfter);

    /// <summary>The scope of the failure.</summary>
    public ChatFailure Kind { get; }

    /// <summary>The wait that the server requests; null for none.</summary>
    public TimeSpan? RetryAfter { get; }
}
