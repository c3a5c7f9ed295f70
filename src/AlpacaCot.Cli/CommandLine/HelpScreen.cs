using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The <c>--help</c> of every command: the page of System.CommandLine, then examples.</summary>
internal static class HelpScreen
{
    public static void Install(RootCommand root, Terminal terminal)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Description = "Show this help";
        root.Options.OfType<VersionOption>().Single().Description = "Show the version";
        option.Action = new WithExamples((SynchronousCommandLineAction)option.Action!, terminal.Console.Profile.Width);
    }

    private sealed class WithExamples(SynchronousCommandLineAction help, int width) : SynchronousCommandLineAction
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
                foreach (var example in command.Examples) output.WriteLine(Broken($"  alpaca-cot {example}", width));
                output.WriteLine();
            }
            return code;
        }
    }

    // A command line that is longer than the terminal continues after a backslash, so that it can still be copied.
    private static string Broken(string line, int width)
    {
        const string End = " \\", Start = "      ";
        var (lines, rest) = (new List<string>(), line);
        while (rest.Length > width)
        {
            var options = rest.LastIndexOf(" --", width - End.Length, StringComparison.Ordinal);
            var at = options > Start.Length ? options : rest.LastIndexOf(' ', width - End.Length);
            if (at <= Start.Length) break;
            lines.Add(rest[..at] + End);
            rest = Start + rest[(at + 1)..];
        }
        return string.Join(Environment.NewLine, lines.Append(rest));
    }
}
