using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>Download settings. <see cref="FromEnvironment"/> reads the same variables as
/// the hub's own tools.</summary>
public sealed record HubOptions
{
    /// <summary>Base URL of the hub or a mirror.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co/");

    /// <summary>Access token; null for none. Sent only to the endpoint's host and only over an encrypted connection.</summary>
    public string? Token { get; init; }

    /// <summary>The cache folder, with subfolders <c>models--owner--name</c> and <c>datasets--owner--name</c>.</summary>
    public required string Cache { get; init; }

    /// <summary>Whether to use only the cache, without network access.</summary>
    public bool Offline { get; init; }

    /// <summary>GitHub settings; GitHub repositories share the cache, as <c>github--owner--name</c>.</summary>
    public GitHubOptions GitHub { get; init; } = new();

    /// <summary>Branch, tag or commit; overrides the one of a <see cref="RepositoryPart"/>.</summary>
    public string? Revision { get; init; }

    /// <summary>Path patterns to download; <c>*</c> also matches slashes, <c>?</c> one character. Empty: all files.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Maximum number of concurrent connections.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>Size of one range request, in bytes; up to <see cref="Connections"/> segments are held in
    /// memory.</summary>
    public int SegmentBytes { get; init; } = 8 << 20;

    /// <summary>Number of consecutive failures of a request before the download fails.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>Timeout for a silent server.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Delay function; replaceable in tests.</summary>
    internal Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;

    /// <summary>
    /// Options from the environment: <c>HF_ENDPOINT</c>; <c>HF_TOKEN</c>, else the saved login token;
    /// <c>HF_HUB_CACHE</c>, else <c>HF_HOME/hub</c>, else <c>XDG_CACHE_HOME/huggingface/hub</c>, else
    /// <c>~/.cache/huggingface/hub</c>; <c>HF_HUB_OFFLINE</c>; and those of <see cref="GitHubOptions"/>.
    /// </summary>
    /// <param name="variable">Reads a variable; default: the process environment.</param>
    /// <exception cref="InputException">The endpoint is not a valid URL.</exception>
    public static HubOptions FromEnvironment(Func<string, string?>? variable = null)
    {
        string? Value(string name) => Read(variable, name);
        var home = HomeOf(variable);
        var saved = Value("HF_TOKEN_PATH") ?? Path.Combine(home, "token");
        var token = Value("HF_TOKEN") ?? (File.Exists(saved) ? File.ReadAllText(saved).Trim() : null);
        var options = new HubOptions
        {
            Token = token is { Length: > 0 } ? token : null,
            GitHub = GitHubOptions.From(Value),
            Cache = CacheOf(variable),
            Offline = Value("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "TRUE" or "YES" or "ON",
        };
        return Value("HF_ENDPOINT") is { } endpoint ? options with { Endpoint = ParseEndpoint(endpoint) } : options;
    }

    /// <summary>The cache folder from the environment, as in <see cref="FromEnvironment"/>.</summary>
    /// <param name="variable">Reads a variable; default: the process environment.</param>
    public static string CacheOf(Func<string, string?>? variable = null) =>
        Read(variable, "HF_HUB_CACHE") ?? Read(variable, "HUGGINGFACE_HUB_CACHE") ?? Path.Combine(HomeOf(variable), "hub");

    private static string HomeOf(Func<string, string?>? variable)
    {
        var user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Read(variable, "HF_HOME")
            ?? Path.Combine(Read(variable, "XDG_CACHE_HOME") ?? Path.Combine(user, ".cache"), "huggingface");
    }

    private static string? Read(Func<string, string?>? variable, string name) =>
        (variable ?? Environment.GetEnvironmentVariable)(name)?.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>Parses the base URL of a hub.</summary>
    /// <exception cref="InputException">Not an absolute http or https URL.</exception>
    public static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" ? uri!
            : throw new InputException($"\"{text}\" is not a hub URL; expected e.g. https://huggingface.co");
}
