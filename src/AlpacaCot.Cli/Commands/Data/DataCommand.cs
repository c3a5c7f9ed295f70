using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary>
/// <c>data</c>: the commands for the instruction collection. A new one needs a file in this folder and a line here.
/// </summary>
internal static class DataCommand
{
    /// <summary>The subcommands, in the order of the help.</summary>
    private static DocumentedCommand[] Subcommands(Terminal terminal) =>
    [
        DataListCommand.Create(terminal),
        DataShowCommand.Create(terminal),
        ConvertCommand.Create(terminal),
        AnswersCommand.Create(terminal),
        MixCommand.Create(terminal),
        CleanCommand.Create(terminal),
        DedupeCommand.Create(terminal),
        DecontaminateCommand.Create(terminal),
        DownloadCommand.Create(terminal),
        StatsCommand.Create(terminal),
    ];

    public static DocumentedCommand Create(Terminal terminal)
    {
        var subcommands = Subcommands(terminal);
        return new DocumentedCommand("data", CommandGroup.Data,
            "List, download, convert, mix, clean and measure instruction data",
            [.. subcommands.Select(command => command.Examples[0])])
        {
            subcommands,
        };
    }
}
