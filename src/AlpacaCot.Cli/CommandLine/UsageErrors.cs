using System.CommandLine;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The errors of a command line, each with the nearest correct spelling.</summary>
internal static class UsageErrors
{
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        if (parsed.Errors.Count == 0) return [];
        var command = parsed.CommandResult.Command;
        // A word behind an unknown option is its value, and the parser's other errors follow from an unknown word.
        var tokens = parsed.UnmatchedTokens;
        var options = tokens.Where(t => t.StartsWith('-')).ToList();
        // Everything behind an unknown command belongs to that command.
        var first = parsed.Tokens.Select(t => t.Value).FirstOrDefault(tokens.Contains);
        if (command.Subcommands.Count > 0 && first?.StartsWith('-') == false) (options, tokens) = ([], [first]);
        var unknown = (options.Count > 0 ? options : tokens).Select(token => Unknown(token, command)).ToList();
        if (unknown.Count == 0 && command is not RootCommand && command.Subcommands.Count > 0)
            return [$"{Name(command)} needs a subcommand: {string.Join(", ", command.Subcommands.Select(c => c.Name))}"];
        return unknown.Count > 0 ? unknown : [.. parsed.Errors.Select(e => e.Message.TrimEnd()).Distinct()];
    }

    public static string HelpCommand(ParseResult parsed) =>
        parsed.CommandResult.Command is RootCommand ? "alpaca-cot --help"
            : $"alpaca-cot {Name(parsed.CommandResult.Command)} --help";

    /// <summary>The words that call a command: <c>data convert</c>.</summary>
    private static string Name(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault(p => p is not RootCommand) is { } parent
            ? $"{Name(parent)} {command.Name}" : command.Name;

    private static string Unknown(string token, Command command)
    {
        var isOption = token.StartsWith('-');
        var name = isOption ? token.Split('=')[0] : token;
        var options = command.Options.Concat(command.Parents.OfType<Command>()
            .SelectMany(p => p.Options.Where(o => o.Recursive)));
        var candidates = isOption ? options.Select(o => o.Name) : command.Subcommands.Select(c => c.Name);
        var guess = Spelling.Nearest(name, candidates);
        var complaint = isOption ? $"unknown option '{name}'"
            : command.Subcommands.Count > 0 ? $"unknown command '{name}'" : $"unexpected argument '{name}'";
        return complaint + (command is not RootCommand && (isOption || command.Subcommands.Count > 0)
            ? $" of {Name(command)}" : "")
            + (guess is null ? "" : $"; did you mean {guess}?");
    }
}
