using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Tests;

/// <summary>Runs command lines in this process with captured output.</summary>
internal static class CommandLine
{
    public static async Task<Outcome> Run(params string[] args) => await RunWithInput("", args);

    public static async Task<Outcome> RunWithInput(string input, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var terminal = Terminal.Captured(output, error, new StringReader(input));
        var code = await Program.RunAsync(args, terminal, TestContext.Current.CancellationToken);
        return new Outcome(code, output.ToString(), error.ToString());
    }
}

/// <summary>What a command line left behind.</summary>
internal sealed record Outcome(int Code, string Out, string Error)
{
    /// <summary>The one JSON document on standard output of a command line that succeeded.</summary>
    public JsonElement Json()
    {
        Assert.True(Code == ExitCode.Done, Error);
        using var document = JsonDocument.Parse(Out);
        return document.RootElement.Clone();
    }

    /// <summary>Checks that the command line was refused: exit code 2, a message without a stack trace, no result.</summary>
    public void Refused(params string[] parts)
    {
        Assert.Equal(ExitCode.WrongUsage, Code);
        Assert.Empty(Out);
        Assert.StartsWith("error: ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, Error, StringComparison.Ordinal));
    }
}

internal static class JsonValues
{
    public static int[] Ints(this JsonElement json, string name) =>
        [.. json.GetProperty(name).EnumerateArray().Select(e => e.GetInt32())];
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("alpaca-cot").FullName;

    public string File(string name, string content)
    {
        System.IO.File.WriteAllText(In(name), content);
        return In(name);
    }

    public string In(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
