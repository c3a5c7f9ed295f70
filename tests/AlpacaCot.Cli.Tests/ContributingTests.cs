using System.Diagnostics;
using System.Text.RegularExpressions;

namespace AlpacaCot.Cli.Tests;

/// <summary>
/// The examples of CONTRIBUTING.md are complete: each is one new file and one place in a registry, and with no other change it
/// builds, is found by name and works.
/// </summary>
public sealed partial class ContributingTests(ITestOutputHelper output)
{
    private const string Driver = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <RunAnalyzers>false</RunAnalyzers>
          </PropertyGroup>
          <ItemGroup>
            <ProjectReference Include="../src/AlpacaCot.Studies/AlpacaCot.Studies.csproj" />
          </ItemGroup>
        </Project>
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8); // the machine may be shared

    private static readonly string[] Kinds =
        ["A model family", "An adapter method", "A data set", "A benchmark", "An optimizer", "An objective"];

    public static TheoryData<string> Examples => [.. Kinds];

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_example_is_one_new_file_and_one_registry_line(string kind)
    {
        var blocks = Walkthrough()[kind];
        Assert.InRange(blocks.Select(b => b.Path).Distinct().Count(), 1, 2);
        var added = Assert.Single(blocks, b => b.Language == "csharp");
        Assert.False(File.Exists(Checkout.Path(added.Path)), $"{added.Path} exists already");
        Assert.True(Directory.Exists(Path.GetDirectoryName(Checkout.Path(added.Path))), added.Path);
        Assert.All(added.Text.Split('\n'), line => Assert.InRange(line.Length, 0, 130));
        var changed = Assert.Single(blocks, b => b.Language == "diff");
        Assert.NotEqual(File.ReadAllText(Checkout.Path(changed.Path)), Patched(changed));
    }

    [Fact]
    public void There_is_an_example_for_each_extension() => Assert.Equal(Kinds, Walkthrough().Keys);

    [Theory]
    [InlineData(" a\n+x\n b", "a\nx\nb\n")]
    [InlineData(" a\n+x\n+y", "a\nx\ny\nb\n")]
    [InlineData(" c\n+x", null)]     // the context is absent
    [InlineData("-a\n+x", null)]     // nothing may be removed
    public void Control_a_registry_line_needs_its_context(string change, string? expected) =>
        Assert.Equal(expected, Apply("a\nb\n", change));

    [Fact]
    [Trait("level", "full")]
    public async Task The_examples_build_and_work()
    {
        using var folder = new TemporaryFolder();
        CopySource(folder.Path);
        foreach (var block in Walkthrough().Values.SelectMany(blocks => blocks))
            File.WriteAllText(folder.File(block.Path), block.Language == "csharp" ? block.Text : Patched(block));
        Directory.CreateDirectory(folder.File("walkthrough"));
        folder.Write("walkthrough/walkthrough.csproj", Driver);
        File.Copy(Checkout.Path("tests/AlpacaCot.Cli.Tests/Walkthrough/Program.cs"), folder.File("walkthrough/Program.cs"));

        var (failures, text) = await BuildAndRun(folder.Path);
        Assert.True(failures == 0, text);
        Assert.Equal(["family", "method", "data set", "benchmark", "optimizer", "objective"],
            Passed().Matches(text).Select(match => match.Groups[1].Value));

        // Control: without its registry line an example is not found, and the others still work.
        var registry = Walkthrough()["A benchmark"].Single(b => b.Language == "diff").Path;
        File.WriteAllText(folder.File(registry), File.ReadAllText(Checkout.Path(registry))); // with a new time, so it is built
        (failures, text) = await BuildAndRun(folder.Path);
        Assert.Equal(1, failures);
        Assert.Contains("failed benchmark: unknown benchmark \"trivia\"", text, StringComparison.Ordinal);
    }

    // The exit code of the driver, and everything printed.
    private async Task<(int Code, string Text)> BuildAndRun(string folder)
    {
        var clock = Stopwatch.StartNew();
        var (code, text) = await Dotnet(folder, "build", "walkthrough/walkthrough.csproj", "-c", "Release", "--nologo", "-v", "q",
            "--disable-build-servers", "-p:NuGetAudit=false", "-o", Path.Combine(folder, "out"));
        Assert.True(code == 0, text);
        output.WriteLine($"built in {clock.Elapsed.TotalSeconds:F0} s");
        (code, text) = await Dotnet(folder, Path.Combine(folder, "out", "walkthrough.dll"));
        output.WriteLine(text);
        return (code, text);
    }

    private static async Task<(int Code, string Text)> Dotnet(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        // What the test's own dotnet set for its children would change the build.
        foreach (var name in start.Environment.Keys.ToList())
            if (name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)) start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        cancel.CancelAfter(Patience);
        try
        {
            var (shown, errors) = (process.StandardOutput.ReadToEndAsync(cancel.Token),
                process.StandardError.ReadToEndAsync(cancel.Token));
            await process.WaitForExitAsync(cancel.Token);
            return (process.ExitCode, await shown + await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private static void CopySource(string target)
    {
        string[] settings = ["Directory.Build.props", "Directory.Packages.props", "BannedSymbols.txt",
            "BannedSymbols.Factories.txt", ".editorconfig", "global.json"];
        var source = Directory.GetFiles(Checkout.Path("src"), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Checkout.Path("."), file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "AlpacaCot.Cli"));
        foreach (var file in settings.Concat(source))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(target, file))!);
            File.Copy(Checkout.Path(file), Path.Combine(target, file));
        }
    }

    // The fenced blocks with a path, by the heading they come under.
    private static OrderedDictionary<string, List<Block>> Walkthrough()
    {
        var examples = new OrderedDictionary<string, List<Block>>();
        var text = File.ReadAllText(Checkout.Path("CONTRIBUTING.md")).ReplaceLineEndings("\n");
        var heading = "";
        foreach (Match match in Part().Matches(text))
        {
            if (match.Groups["heading"].Success) heading = match.Groups["heading"].Value;
            else
            {
                if (!examples.TryGetValue(heading, out var blocks)) examples.Add(heading, blocks = []);
                blocks.Add(new(match.Groups["language"].Value, match.Groups["path"].Value, match.Groups["text"].Value));
            }
        }
        return examples;
    }

    private static string Patched(Block change) =>
        Apply(File.ReadAllText(Checkout.Path(change.Path)).ReplaceLineEndings("\n"), change.Text.TrimEnd('\n'))
        ?? throw new InvalidOperationException(
            $"CONTRIBUTING.md: the context of this change does not occur exactly once in {change.Path}:\n{change.Text}");

    // A change in the form of a diff without line numbers that only adds; null where its context does not occur exactly once.
    private static string? Apply(string text, string change)
    {
        var lines = change.Split('\n');
        if (lines.Any(line => line is not ([' ', ..] or ['+', ..]))) return null;
        var before = string.Concat(lines.Where(line => line[0] == ' ').Select(line => line[1..] + "\n"));
        var at = text.IndexOf(before, StringComparison.Ordinal);
        return at < 0 || before.Length == 0 || text.IndexOf(before, at + 1, StringComparison.Ordinal) >= 0 ? null
            : text[..at] + string.Concat(lines.Select(line => line[1..] + "\n")) + text[(at + before.Length)..];
    }

    [GeneratedRegex(@"^### (?<heading>.+)$|^```(?<language>csharp|diff) (?<path>\S+)\n(?<text>(?:.*\n)*?)```$",
        RegexOptions.Multiline)]
    private static partial Regex Part();

    [GeneratedRegex("^ok (.+)$", RegexOptions.Multiline)]
    private static partial Regex Passed();

    private sealed record Block(string Language, string Path, string Text);
}
