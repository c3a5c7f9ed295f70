namespace AlpacaCot.Data.Download;

/// <summary>
/// A download that could not be done: no network, no permission, no such repository, damaged content. The message is for a
/// person and says what to do; what had arrived whole stays in the cache, and the rest is continued by the next attempt.
/// </summary>
public sealed class DownloadException : Exception
{
    /// <summary>Creates the exception with a message for a person.</summary>
    public DownloadException(string message) : base(message) { }

    /// <summary>Creates the exception with a message for a person and what caused it.</summary>
    public DownloadException(string message, Exception cause) : base(message, cause) { }
}
