namespace AlpacaCot.Data.Download;

/// <summary>Addresses and credentials for GitHub.</summary>
public sealed record GitHubOptions
{
    /// <summary>Base URL of the API, which resolves commits and lists files.</summary>
    public Uri Api { get; init; } = new("https://api.github.com/");

    /// <summary>Base URL of file contents, followed by <c>owner/name/commit/path</c>.</summary>
    public Uri Content { get; init; } = new("https://raw.githubusercontent.com/");

    /// <summary>Access token; raises the rate limit from 60 to 5,000 requests per hour. Null: anonymous.</summary>
    public string? Token { get; init; }

    /// <summary>Options from <c>GITHUB_API_URL</c>, <c>GITHUB_RAW_URL</c> and <c>GITHUB_TOKEN</c>.</summary>
    /// <param name="value">Reads an environment variable; null if not set.</param>
    internal static GitHubOptions From(Func<string, string?> value)
    {
        var options = new GitHubOptions { Token = value("GITHUB_TOKEN") };
        if (value("GITHUB_API_URL") is { } api) options = options with { Api = HubOptions.ParseEndpoint(api) };
        return value("GITHUB_RAW_URL") is { } raw ? options with { Content = HubOptions.ParseEndpoint(raw) } : options;
    }
}
