using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The <c>--help</c> of every command: the page of System.CommandLine, then examples.</summary>
internal static class HelpScreen
{
    public static void Install(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Description = "Show this help";
        root.Options.OfType<VersionOption>().Single().Description = "Show the version";
        option.Action = new WithExamples((SynchronousCommandLineAction)option.Action!);
    }

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
                foreach (var example in command.Examples) output.WriteLine($"  alpaca-cot {example}");
                output.WriteLine();
            }
            return code;
        }
    }
}
