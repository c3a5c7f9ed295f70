namespace AlpacaCot.Data.Download;

/// <summary>Where GitHub is.</summary>
public sealed record GitHubOptions
{
    /// <summary>The API, which tells commits and lists files.</summary>
    public Uri Api { get; init; } = new("https://api.github.com/");

    /// <summary>The host of the files' contents, by <c>owner/name/commit/path</c>.</summary>
    public Uri Content { get; init; } = new("https://raw.githubusercontent.com/");

    /// <summary>A token, which raises the limit of requests from 60 to 5,000 an hour; null without one.</summary>
    public string? Token { get; init; }

    /// <summary>The options of the environment: <c>GITHUB_API_URL</c>, <c>GITHUB_RAW_URL</c>, <c>GITHUB_TOKEN</c>.</summary>
    /// <param name="value">Reads a variable; null where it is not set.</param>
    internal static GitHubOptions From(Func<string, string?> value)
    {
        var options = new GitHubOptions { Token = value("GITHUB_TOKEN") };
        if (value("GITHUB_API_URL") is { } api) options = options with { Api = HubOptions.ParseEndpoint(api) };
        return value("GITHUB_RAW_URL") is { } raw ? options with { Content = HubOptions.ParseEndpoint(raw) } : options;
    }
}
