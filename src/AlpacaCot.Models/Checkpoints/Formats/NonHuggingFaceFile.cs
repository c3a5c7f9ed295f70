using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>Detects files that are commonly found in place of weights.</summary>
internal static class NonHuggingFaceFile
{
    /// <summary>Rejects a Git LFS pointer and a downloaded web page, by the first bytes of the file.</summary>
    public static void Refuse(MappedFile map)
    {
        var start = map.Bytes(0, (int)Math.Min(map.Length, 64));
        if (start.StartsWith("version https://git-lfs"u8))
            throw new InputException($"{map.Path} is a Git LFS pointer, not the weights themselves. Run `git lfs pull` in " +
                "its folder.");
        if (start.StartsWith("<!DOCTYPE"u8) || start.StartsWith("<html"u8))
            throw new InputException($"{map.Path} is a web page, not weights: the download failed. Download it again.");
    }
}
