using System.CommandLine;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>A verb of the command line, with its place on the first screen and examples for its help.</summary>
internal sealed class DocumentedCommand(string name, CommandGroup group, string description, params string[] examples)
    : Command(name, description)
{
    public CommandGroup Group => group;

    /// <summary>Command lines that work as they stand, apart from the names of files.</summary>
    public IReadOnlyList<string> Examples => examples;
}

/// <summary>The groups of the first screen.</summary>
internal enum CommandGroup
{
    Data,
    Train,
    Use,
    Machine,
}
