namespace AlpacaCot.Data.Download;

/// <summary>
/// A failed download: no network, no permission, repository not found, corrupt content. The message is shown to the user
/// and names a remedy. Complete files stay in the cache; the next attempt continues the others.
/// </summary>
public sealed class DownloadException : Exception
{
    /// <summary>Creates the exception with a user-level message.</summary>
    public DownloadException(string message) : base(message) { }

    /// <summary>Creates the exception with a user-level message and its cause.</summary>
    public DownloadException(string message, Exception cause) : base(message, cause) { }
}
