using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>Files that often lie where weights should be.</summary>
internal static class NonHuggingFaceFile
{
    /// <summary>Refuses what a checkout without Git LFS or a failed download leaves behind, by its first bytes.</summary>
    public static void Refuse(MappedFile map)
    {
        var start = map.Bytes(0, (int)Math.Min(map.Length, 64));
        if (start.StartsWith("version https://git-lfs"u8))
            throw new InputException($"{map.Path} is a Git LFS pointer, not the weights themselves. Run `git lfs pull` in " +
                "its folder.");
        if (start.StartsWith("<!DOCTYPE"u8) || start.StartsWith("<html"u8))
            throw new InputException($"{map.Path} is a web page, not weights: its download went wrong. Download it again.");
    }
}
