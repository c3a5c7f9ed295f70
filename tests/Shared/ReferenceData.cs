namespace AlpacaCot.Tests;

/// <summary>
/// The folder <c>shared</c> beside the checkout, with golden values and real data that are too large or not free to keep
/// in the repository. Tests that need it skip, visibly, where it is absent. The path <c>golden/own</c> is the repository's
/// <c>tests/Goldens</c>, which needs no other folder.
/// </summary>
internal static class ReferenceData
{
    private const string Own = "golden/own/";
    private static readonly string? Root = Find();

    /// <summary>The full path of a file or folder under <c>shared</c>; skips the running test where there is none.</summary>
    public static string Path(string relative)
    {
        if ((relative + "/").StartsWith(Own, StringComparison.Ordinal))
            return Checkout.Path("tests/Goldens/" + relative[Math.Min(Own.Length, relative.Length)..]);
        Assert.SkipWhen(Root is null, $"needs shared/{relative} beside the checkout (or ALPACACOT_SHARED)");
        var path = System.IO.Path.Combine(Root!, relative);
        Assert.True(File.Exists(path) || Directory.Exists(path), $"shared has no {relative}");
        return path;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("ALPACACOT_SHARED") is { Length: > 0 } named) return named;
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var candidate = System.IO.Path.Combine(at.FullName, "shared");
            if (File.Exists(System.IO.Path.Combine(candidate, "golden", "README.md"))) return candidate;
        }
        return null;
    }
}
