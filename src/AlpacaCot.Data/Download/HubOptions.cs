using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>Where and how to download. <see cref="FromEnvironment"/> takes the variables that
/// other tools of the hub take.</summary>
public sealed record HubOptions
{
    /// <summary>The hub's address, or that of a mirror.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co/");

    /// <summary>The access token; null without one. It is sent to the endpoint's host alone, and never unencrypted.</summary>
    public string? Token { get; init; }

    /// <summary>The cache: <c>models--owner--name</c> and <c>datasets--owner--name</c> lie in it.</summary>
    public required string Cache { get; init; }

    /// <summary>Uses the cache alone.</summary>
    public bool Offline { get; init; }

    /// <summary>Where GitHub is; its repositories come into the same cache, as <c>github--owner--name</c>.</summary>
    public GitHubOptions GitHub { get; init; } = new();

    /// <summary>The branch, tag or commit in place of the one a <see cref="RepositoryPart"/> names.</summary>
    public string? Revision { get; init; }

    /// <summary>Patterns of paths to take of the part, with <c>*</c> (slashes too) and <c>?</c>; none takes all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>The most connections at a time.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>How much one request of a large file asks for, in bytes; as many of them as connections are held in
    /// memory.</summary>
    public int SegmentBytes { get; init; } = 8 << 20;

    /// <summary>How many times in a row a request may fail before the download gives up.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>How long a server may stay silent.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How waiting is done, for tests.</summary>
    internal Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;

    /// <summary>
    /// The options of the environment: <c>HF_ENDPOINT</c>; <c>HF_TOKEN</c>, else the token a login has saved;
    /// <c>HF_HUB_CACHE</c>, else <c>HF_HOME/hub</c>, else <c>XDG_CACHE_HOME/huggingface/hub</c>, else
    /// <c>~/.cache/huggingface/hub</c>; <c>HF_HUB_OFFLINE</c>; those of <see cref="GitHubOptions"/>.
    /// </summary>
    /// <param name="variable">Reads a variable; the process's own by default.</param>
    /// <exception cref="InputException">The endpoint is no address.</exception>
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

    /// <summary>The cache that the environment names, as in <see cref="FromEnvironment"/>.</summary>
    /// <param name="variable">Reads a variable; the process's own by default.</param>
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

    /// <summary>Reads the address of a hub.</summary>
    /// <exception cref="InputException">It is not one.</exception>
    public static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" ? uri!
            : throw new InputException($"\"{text}\" is not the address of a hub; expected one like https://huggingface.co");
}
