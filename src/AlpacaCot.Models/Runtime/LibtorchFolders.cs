using System.Text.RegularExpressions;

namespace AlpacaCot.Models.Runtime;

/// <summary>A libtorch that a Python installation has.</summary>
/// <param name="Folder">The folder for <see cref="Libtorch.FolderVariable"/>.</param>
/// <param name="Version">PyTorch's version, such as 2.10.0+cu128; null where it does not say.</param>
/// <param name="HasCuda">Whether it has CUDA.</param>
public sealed record FoundLibtorch(string Folder, string? Version, bool HasCuda);

/// <summary>Finds the libtorch of Python installations, without starting Python.</summary>
public static partial class LibtorchFolders
{
    /// <summary>The installations of this machine, those with CUDA first.</summary>
    public static IReadOnlyList<FoundLibtorch> OfMachine()
    {
        string?[] prefixes =
        [
            Environment.GetEnvironmentVariable("VIRTUAL_ENV"), Environment.GetEnvironmentVariable("CONDA_PREFIX"), "/opt/conda",
            "/opt/venv", "/usr/local", "/usr", Path.Combine(Home, ".local"), Path.Combine(Home, "miniconda3"),
            Path.Combine(Home, "anaconda3"),
        ];
        return Under(prefixes.OfType<string>().Where(prefix => prefix.Length > 0));
    }

    /// <summary>The installations under folders that contain <c>lib/python3.N</c>.</summary>
    internal static IReadOnlyList<FoundLibtorch> Under(IEnumerable<string> prefixes)
    {
        List<FoundLibtorch> found = [];
        foreach (var python in prefixes.Distinct().SelectMany(Pythons).Distinct())
            foreach (var packages in (string[])["site-packages", "dist-packages"])
            {
                var torch = Path.Combine(python, packages, "torch");
                var folder = Path.Combine(torch, "lib");
                if (!File.Exists(Path.Combine(folder, "libtorch_cpu.so"))) continue;
                found.Add(new(folder, VersionOf(Path.Combine(torch, "version.py")),
                    File.Exists(Path.Combine(folder, "libtorch_cuda.so"))));
            }
        return [.. found.OrderByDescending(f => f.HasCuda)];
    }

    private static string Home => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    // python3 itself is where Debian's packages of all versions are.
    private static IEnumerable<string> Pythons(string prefix)
    {
        var folder = Path.Combine(prefix, "lib");
        try
        {
            return Directory.Exists(folder)
                ? [.. Directory.EnumerateDirectories(folder, "python3*").Order(StringComparer.Ordinal)] : [];
        }
        catch (UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string? VersionOf(string file) =>
        File.Exists(file) && VersionLine().Match(File.ReadAllText(file)) is { Success: true } line ? line.Groups[1].Value : null;

    [GeneratedRegex(@"__version__\s*=\s*'([^']+)'")]
    private static partial Regex VersionLine();
}
