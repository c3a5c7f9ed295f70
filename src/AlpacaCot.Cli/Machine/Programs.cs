using System.ComponentModel;
using System.Diagnostics;

namespace AlpacaCot.Cli.Machine;

/// <summary>Finds programs and shared libraries of the system.</summary>
internal static class Programs
{
    /// <summary>The full path of a program, or null if it is not installed.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name))
            .FirstOrDefault(File.Exists);

    /// <summary>The full path of a shared library, whose name may end with a version number, or null.</summary>
    public static string? Library(string name)
    {
        string[] folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64/openmpi/lib",
            "/opt/homebrew/lib"];
        var search = (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries);
        return search.Concat(folders).Where(Directory.Exists).SelectMany(f => Directory.EnumerateFiles(f, name + "*"))
            .FirstOrDefault();
    }

    /// <summary>The output of a program, or null if it is missing, fails or takes more than five seconds.</summary>
    public static string? Output(string name, string arguments)
    {
        if (Find(name) is not { } path) return null;
        try
        {
            using var process = Process.Start(new ProcessStartInfo(path, arguments)
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            var text = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(5000))
            {
                process.Kill();
                return null;
            }
            return process.ExitCode == 0 ? text.GetAwaiter().GetResult().Trim() : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
