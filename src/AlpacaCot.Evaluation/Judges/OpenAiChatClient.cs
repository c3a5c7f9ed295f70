using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>A chat model behind any endpoint that speaks the OpenAI protocol.</summary>
public sealed class OpenAiChatClient : IChatClient
{
    private readonly HttpClient _http;
    private readonly Uri _address;
    private readonly string _model;

    /// <summary>Speaks to an endpoint.</summary>
    /// <param name="endpoint">Its base, as <c>http://localhost:8000/v1</c>.</param>
    /// <param name="model">The model's name there.</param>
    /// <param name="key">The access key, where one is needed.</param>
    /// <param name="patience">How long one answer may take.</param>
    public OpenAiChatClient(Uri endpoint, string model, string? key = null, TimeSpan? patience = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        (_address, _model) = (new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/chat/completions"), model);
        _http = new HttpClient { Timeout = patience ?? TimeSpan.FromMinutes(2) };
        if (!string.IsNullOrEmpty(key)) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <inheritdoc/>
    /// <exception cref="ChatFailureException">There was no answer, for a reason that may pass or not.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var request = new
        {
            model = _model,
            messages = messages.Select(m => new { role = m.Role.Value, content = m.Text }),
            temperature = options?.Temperature ?? 0,
            max_tokens = options?.MaxOutputTokens ?? 1024,
        };
        try
        {
            using var response = await _http.PostAsJsonAsync(_address, request, cancellationToken).ConfigureAwait(false);
            var body = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? Read(body) : throw Refused(response, body);
        }
        catch (HttpRequestException e)
        {
            throw new ChatFailureException($"{_address.GetLeftPart(UriPartial.Authority)} cannot be reached: {e.Message}",
                ChatFailure.Passing,
                cause: e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ChatFailureException($"no answer within {_http.Timeout.TotalSeconds:0.#} s", ChatFailure.Passing, cause: e);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
        ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var whole = await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        foreach (var update in whole.ToChatResponseUpdates()) yield return update;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType?.IsInstanceOfType(this) == true ? this : null;

    /// <summary>Closes the connection.</summary>
    public void Dispose() => _http.Dispose();

    private static ChatResponse Read(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var text = json.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString();
            var usage = json.RootElement.TryGetProperty("usage", out var u) && u.ValueKind == JsonValueKind.Object ? u : default;
            long? Count(string name) => usage.ValueKind == JsonValueKind.Object && usage.TryGetProperty(name, out var n)
                && n.TryGetInt64(out var count) ? count : null;
            return new ChatResponse(new ChatMessage(ChatRole.Assistant, text ?? ""))
            {
                Usage = new() { InputTokenCount = Count("prompt_tokens"), OutputTokenCount = Count("completion_tokens") },
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
            or IndexOutOfRangeException)
        {
            throw new ChatFailureException($"the answer is no chat completion: {Short(body)}", ChatFailure.Passing, cause: e);
        }
    }

    private static ChatFailureException Refused(HttpResponseMessage response, string body)
    {
        var code = response.StatusCode;
        var kind = (int)code switch
        {
            408 or 429 or >= 500 => ChatFailure.Passing,
            400 or 413 or 422 => ChatFailure.OfRequest, // too long, or filtered
            _ => ChatFailure.Lasting,
        };
        var wait = response.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - DateTimeOffset.UtcNow : null;
        return new ChatFailureException($"the endpoint says {(int)code} {response.ReasonPhrase}: {Short(body)}", kind, wait);
    }

    private static string Short(string body) =>
        (body.Length > 200 ? body[..200] + "..." : body).ReplaceLineEndings(" ");
}

/// <summary>What a failure of a chat model says about the next request.</summary>
public enum ChatFailure
{
    /// <summary>Asking again may help: a busy or unreachable server.</summary>
    Passing,

    /// <summary>This request cannot be answered, others can: it is too long.</summary>
    OfRequest,

    /// <summary>No request will be answered: a wrong key.</summary>
    Lasting,
}

/// <summary>A chat model gave no answer.</summary>
public sealed class ChatFailureException : Exception
{
    /// <summary>Says what happened.</summary>
    /// <param name="message">For a person.</param>
    /// <param name="kind">What it says about the next request.</param>
    /// <param name="retryAfter">When the server says to ask again.</param>
    /// <param name="cause">What it came from.</param>
    public ChatFailureException(string message, ChatFailure kind, TimeSpan? retryAfter = null, Exception? cause = null)
        : base(message, cause) =>
        (Kind, RetryAfter) = (kind, retryAfter);

    /// <summary>What it says about the next request.</summary>
    public ChatFailure Kind { get; }

    /// <summary>When the server says to ask again.</summary>
    public TimeSpan? RetryAfter { get; }
}
