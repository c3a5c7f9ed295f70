using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data</c>: the verbs of the instruction collection. A new one is a file in this folder and a line here.</summary>
internal static class DataCommand
{
    /// <summary>The verbs, in the order of the help.</summary>
    private static DocumentedCommand[] Verbs(Terminal terminal) =>
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
        var verbs = Verbs(terminal);
        var data = new DocumentedCommand("data", CommandGroup.Data, "The instruction collection: list, convert, mix, clean, measure",
            [.. verbs.Select(verb => verb.Examples[0])]);
        foreach (var verb in verbs) data.Add(verb);
        return data;
    }
}
