using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters</c>: a folder of adapters.</summary>
internal static class AdaptersCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        DocumentedCommand[] verbs = [AdapterListCommand.Create(terminal), AdapterShowCommand.Create(terminal), AdapterVerifyCommand.Create(terminal)];
        var adapters = new DocumentedCommand("adapters", CommandGroup.Use, "A collection of adapters: list, show where one comes from, verify",
            [.. verbs.Select(verb => verb.Examples[0])]);
        foreach (var verb in verbs) adapters.Add(verb);
        return adapters;
    }
}
