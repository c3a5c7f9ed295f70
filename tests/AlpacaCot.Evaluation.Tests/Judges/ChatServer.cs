using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;

namespace AlpacaCot.Evaluation.Tests.Judges;

/// <summary>A chat endpoint of this machine that answers as a test tells it to.</summary>
internal sealed class ChatServer : IDisposable
{
    private readonly HttpListener _listener;
    private readonly Func<string, int, Reply> _answer;
    private readonly ConcurrentDictionary<string, int> _asked = [];

    /// <param name="answer">Gets the last message and how often it came; gives the reply.</param>
    public ChatServer(Func<string, int, Reply> answer)
    {
        _answer = answer;
        for (var attempt = 0; ; attempt++)
        {
            Address = new Uri($"http://127.0.0.1:{Random.Shared.Next(20_000, 60_000)}/v1");
            _listener = new HttpListener(); // one whose start failed is disposed
            _listener.Prefixes.Add($"{Address.GetLeftPart(UriPartial.Authority)}/");
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (attempt < 20)
            {
            }
        }
        _ = Serve();
    }

    public Uri Address { get; }

    public int Requests;

    public string? Authorization { get; private set; }

    /// <summary>The path and the body of the last request.</summary>
    public (string Path, string Body) Request { get; private set; }

    /// <summary>The message that a text with a grade in it makes a judge say.</summary>
    public static Reply Says(string text) => new(200, JsonSerializer.Serialize(new
    {
        choices = new[] { new { message = new { role = "assistant", content = text } } },
        usage = new { prompt_tokens = 100, completion_tokens = 20 },
    }));

    public void Dispose() => _listener.Close();

    private async Task Serve()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            _ = Answer(context);
        }
    }

    private async Task Answer(HttpListenerContext context)
    {
        Interlocked.Increment(ref Requests);
        Authorization = context.Request.Headers["Authorization"];
        using var body = new StreamReader(context.Request.InputStream, Encoding.UTF8);
        var text = await body.ReadToEndAsync(); // requests overlap: the property may be another's by now
        Request = (context.Request.Url!.AbsolutePath, text);
        using var json = JsonDocument.Parse(text);
        var message = json.RootElement.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!;
        var reply = _answer(message, _asked.AddOrUpdate(message, 1, (_, n) => n + 1));
        await Task.Delay(reply.Delay);
        try
        {
            context.Response.StatusCode = reply.Status;
            if (reply.RetryAfter is { } seconds) context.Response.Headers["Retry-After"] = seconds;
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(reply.Body));
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The client did not wait.
        }
    }

    internal sealed record Reply(int Status, string Body)
    {
        public TimeSpan Delay { get; init; }
        public string? RetryAfter { get; init; }
    }
}
