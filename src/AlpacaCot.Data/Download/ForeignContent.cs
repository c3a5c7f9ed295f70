using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Data.Download;

/// <summary>Recognises what servers send in place of the data that was asked for.</summary>
internal static partial class ForeignContent
{
    /// <summary>How much of the beginning is looked at, in bytes.</summary>
    public const int HeadBytes = 1024;

    /// <summary>What content that begins like this is instead of the expected file; null where nothing speaks against
    /// it.</summary>
    /// <param name="head">The first bytes.</param>
    /// <param name="path">The file that was expected.</param>
    /// <param name="size">Its size in bytes.</param>
    public static string? Name(ReadOnlySpan<byte> head, string path, long size)
    {
        head = head[..Math.Min(head.Length, HeadBytes)];
        var text = Encoding.UTF8.GetString(head).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal) && head.Length != size)
            return "a Git LFS pointer, the note that stands for a large file in a repository,"
                + (PointerSize().Match(text) is { Success: true } match ? $" whose data would have {match.Groups[1].Value} bytes"
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
