namespace AlpacaCot.Bench;

/// <summary>The npm packages of <c>tests/node</c> that benchmarks compare with.</summary>
internal static class NodeModules
{
    /// <summary>The folder whose <c>node_modules</c> contains the package; null, with a printed hint, if it is missing.</summary>
    public static string? Find(string package)
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (Path.Combine(at.FullName, "tests", "node") is var folder
                && Directory.Exists(Path.Combine(folder, "node_modules", package))) return folder;
        Console.WriteLine($"{package} is not installed; run npm ci --prefix tests/node");
        return null;
    }
}
