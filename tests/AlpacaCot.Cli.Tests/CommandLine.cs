using System.Text.Json;
using System.Text.RegularExpressions;
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
internal sealed partial record Outcome(int Code, string Out, string Error)
{
    [GeneratedRegex(@"^[^;]+: (JSON|CSV|TSV|Parquet|text lines)[^;]*; \w+(-\w+)?(;|$)")]
    private static partial Regex Recognised();

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
        // What the files before it were recognised as may precede the error.
        var error = Error.Split('\n').SkipWhile(line => Recognised().IsMatch(line)).First();
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, Error, StringComparison.Ordinal));
    }
}

internal static class JsonValues
{
    public static int[] Ints(this JsonElement json, string name) =>
        [.. json.GetProperty(name).EnumerateArray().Select(e => e.GetInt32())];
}
