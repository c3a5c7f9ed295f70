using System.Net;

namespace AlpacaCot.Bench.Fuzz;

/// <summary>A server on this machine that answers every request with the same bytes.</summary>
internal sealed class ReplyServer : IDisposable
{
    private readonly HttpListener _listener;

    public ReplyServer()
    {
        for (var attempt = 0; ; attempt++)
        {
            Address = new Uri($"http://127.0.0.1:{Random.Shared.Next(20_000, 60_000)}/");
            _listener = new HttpListener(); // one whose start failed is disposed
            _listener.Prefixes.Add(Address.AbsoluteUri);
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (attempt < 20)
            {
                // the port is in use
            }
        }
        _ = ServeAsync();
    }

    public Uri Address { get; }

    /// <summary>The answer to a request's path.</summary>
    public Func<string, byte[]> Reply { get; set; } = _ => [];

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
            try
            {
                var context = await _listener.GetContextAsync().ConfigureAwait(false);
                var bytes = Reply(context.Request.RawUrl ?? "");
                context.Response.ContentType = "application/json";
                context.Response.ContentLength64 = bytes.Length;
                await context.Response.OutputStream.WriteAsync(bytes).ConfigureAwait(false);
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // the client hung up, or the server is closed
            }
    }
}
