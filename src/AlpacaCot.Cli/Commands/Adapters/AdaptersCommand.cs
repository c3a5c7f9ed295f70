using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters</c>: the commands for folders of adapters.</summary>
internal static class AdaptersCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        DocumentedCommand[] subcommands =
            [AdapterListCommand.Create(terminal), AdapterShowCommand.Create(terminal), AdapterVerifyCommand.Create(terminal)];
        return new DocumentedCommand("adapters", CommandGroup.Use, "List, show and verify the adapters in a folder",
            [.. subcommands.Select(command => command.Examples[0])])
        {
            subcommands,
        };
    }
}
