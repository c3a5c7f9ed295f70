using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Data.Download;

/// <summary>Detects content that servers send instead of the requested file.</summary>
internal static partial class ForeignContent
{
    /// <summary>Number of leading bytes that are inspected.</summary>
    public const int HeadBytes = 1024;

    /// <summary>Describes the unexpected content; null if the content may be the expected
    /// file.</summary>
    /// <param name="head">The first bytes.</param>
    /// <param name="path">Path of the expected file.</param>
    /// <param name="size">Expected size in bytes.</param>
    public static string? Name(ReadOnlySpan<byte> head, string path, long size)
    {
        head = head[..Math.Min(head.Length, HeadBytes)];
        var text = Encoding.UTF8.GetString(head).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal) && head.Length != size)
            return "a Git LFS pointer, the placeholder for a large file in a repository,"
                + (PointerSize().Match(text) is { Success: true } match ? $" for {match.Groups[1].Value} bytes of data"
                    : "");
        var isPage = text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase);
        if (!isPage || Path.GetExtension(path).ToLowerInvariant() is ".html" or ".htm") return null;
        return "an HTML page" + (Title().Match(text) is { Success: true } title ? $" titled \"{title.Groups[1].Value.Trim()}\""
            : "");
    }

    [GeneratedRegex(@"^size (\d+)\s*$", RegexOptions.Multiline)]
    private static partial Regex PointerSize();

    [GeneratedRegex(@"<title[^>]*>([^<]{1,120})", RegexOptions.IgnoreCase)]
    private static partial Regex Title();
}
