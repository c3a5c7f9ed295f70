using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The <c>--help</c> of every command: the page of System.CommandLine, then examples.</summary>
internal static partial class HelpScreen
{
    public static void Install(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Description = "Show this help";
        root.Options.OfType<VersionOption>().Single().Description = "Show the version";
        option.Action = new WithExamples((SynchronousCommandLineAction)option.Action!);
    }

    /// <summary>A command line over several lines of at most 80 columns, broken before options as a shell reads it.</summary>
    internal static string Folded(string line)
    {
        const int Columns = 80;
        var parts = new List<string> { "" };
        foreach (var word in OptionStart().Split(line))
            if (parts[^1].Length == 0) parts[^1] = "  " + word;
            else if (parts[^1].Length + 1 + word.Length <= Columns - 2) parts[^1] += " " + word;
            else parts.Add("    " + word);
        return string.Join(" \\\n", parts);
    }

    [GeneratedRegex(@" (?=--)")]
    private static partial Regex OptionStart();

    private sealed class WithExamples(SynchronousCommandLineAction help) : SynchronousCommandLineAction
    {
        public override bool Terminating => help.Terminating;
        public override bool ClearsParseErrors => help.ClearsParseErrors;

        public override int Invoke(ParseResult parseResult)
        {
            var code = help.Invoke(parseResult);
            if (parseResult.CommandResult.Command is DocumentedCommand command)
            {
                var output = parseResult.InvocationConfiguration.Output;
                output.WriteLine(command.Examples.Count == 1 ? "Example:" : "Examples:");
                foreach (var example in command.Examples) output.WriteLine(Folded($"alpaca-cot {example}"));
                output.WriteLine();
            }
            return code;
        }
    }
}
