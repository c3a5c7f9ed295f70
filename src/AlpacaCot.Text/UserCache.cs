using System.Globalization;

namespace AlpacaCot.Text;

/// <summary>
/// The folder of the user with what can be made again, such as tokenized data: <c>ALPACACOT_CACHE</c>, else
/// <c>XDG_CACHE_HOME/alpaca-cot</c>, else <c>~/.cache/alpaca-cot</c>, on Windows <c>%LOCALAPPDATA%\alpaca-cot</c>, on macOS
/// <c>~/Library/Caches/alpaca-cot</c>. Removing it is safe at any time.
/// </summary>
public static class UserCache
{
    /// <summary>The environment variable with the folder; <c>off</c>: nothing is cached.</summary>
    public const string FolderVariable = "ALPACACOT_CACHE";

    /// <summary>The environment variable with the largest size of the folder in GB.</summary>
    public const string LimitVariable = "ALPACACOT_CACHE_GB";

    private const double StandardLimit = 10; // GB

    /// <summary>The folder, which may not exist; null where nothing is cached.</summary>
    /// <param name="variable">Reads a variable; default: the process environment.</param>
    public static string? Folder(Func<string, string?>? variable = null)
    {
        if (Read(variable, FolderVariable) is { } chosen)
            return chosen.ToLowerInvariant() is "off" or "none" or "0" ? null : Path.GetFullPath(chosen);
        return Base(variable) is { } user ? Path.Combine(user, "alpaca-cot") : null;
    }

    /// <summary>The largest size of the folder in bytes.</summary>
    /// <param name="variable">Reads a variable; default: the process environment.</param>
    /// <exception cref="InputException">The variable is not a number of at least 0.</exception>
    public static long Limit(Func<string, string?>? variable = null)
    {
        if (Read(variable, LimitVariable) is not { } text) return (long)(StandardLimit * 1e9);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var size) && size is >= 0 and < 1e9
            ? (long)(size * 1e9)
            : throw new InputException($"{LimitVariable} is \"{text}\"; expected the size of the cache in GB, such as 10");
    }

    private static string? Base(Func<string, string?>? variable)
    {
        // A relative path in this variable is to be ignored by its specification.
        if (Read(variable, "XDG_CACHE_HOME") is { } named && Path.IsPathFullyQualified(named)) return named;
        if (OperatingSystem.IsWindows())
            return Known(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData));
        if (Known(Read(variable, "HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)) is not { } home)
            return null;
        return OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches") : Path.Combine(home, ".cache");
    }

    private static string? Known(string folder) => folder.Length > 0 ? folder : null;

    private static string? Read(Func<string, string?>? variable, string name) =>
        (variable ?? Environment.GetEnvironmentVariable)(name)?.Trim() is { Length: > 0 } text ? text : null;
}
