using System.CommandLine;
using System.CommandLine.Parsing;
using AlpacaCot.Data;

namespace AlpacaCot.Cli;

/// <summary>What is wrong with a command line, in sentences that offer the nearest right spelling.</summary>
internal static class UsageErrors
{
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        if (parsed.Errors.Count == 0) return [];
        var command = parsed.CommandResult.Command;
        // A word behind an unknown option is its value; and with an unknown word the parser's other complaints follow from it.
        var tokens = parsed.UnmatchedTokens;
        var options = tokens.Where(t => t.StartsWith('-')).ToList();
        var unknown = (options.Count > 0 ? options : tokens).Select(token => Unknown(token, command)).ToList();
        return unknown.Count > 0 ? unknown : [.. parsed.Errors.Select(e => e.Message.TrimEnd()).Distinct()];
    }

    public static string HelpCommand(ParseResult parsed) =>
        parsed.CommandResult.Command is RootCommand ? "alpaca-cot --help"
            : $"alpaca-cot {parsed.CommandResult.Command.Name} --help";

    private static string Unknown(string token, Command command)
    {
        var isOption = token.StartsWith('-');
        var name = isOption ? token.Split('=')[0] : token;
        var options = command.Options.Concat(command.Parents.OfType<Command>()
            .SelectMany(p => p.Options.Where(o => o.Recursive)));
        var candidates = isOption ? options.Select(o => o.Name) : command.Subcommands.Select(c => c.Name);
        var guess = Spelling.Nearest(name, candidates);
        var complaint = isOption ? $"there is no option '{name}'" : command is RootCommand ? $"there is no verb '{name}'"
            : $"'{name}' is one word too many";
        return complaint + (isOption && command is not RootCommand ? $" of {command.Name}" : "")
            + (guess is null ? "" : $"; did you mean {guess}?");
    }
}
