namespace AlpacaCot.Tests;

/// <summary>The checkout that the tests were built in.</summary>
internal static class Checkout
{
    private static readonly string Root = Find();

    /// <summary>The full path of a file or folder of it.</summary>
    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    private static string Find()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(System.IO.Path.Combine(at.FullName, "AlpacaCot.slnx"))) return at.FullName;
        throw new InvalidOperationException($"{AppContext.BaseDirectory} is in no checkout");
    }
}
