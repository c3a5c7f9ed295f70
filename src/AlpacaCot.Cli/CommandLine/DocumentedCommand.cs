using System.CommandLine;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>A command of the program, with its group on the first screen and examples for its help.</summary>
internal sealed class DocumentedCommand(string name, CommandGroup group, string description, params string[] examples)
    : Command(name, description)
{
    public CommandGroup Group => group;

    /// <summary>Complete command lines without the program's name; only file names have to be replaced.</summary>
    public IReadOnlyList<string> Examples => examples;

    /// <summary>Adds a group of options that several commands share, or subcommands.</summary>
    public void Add(IEnumerable<Symbol> symbols)
    {
        foreach (var symbol in symbols)
            if (symbol is Option option) Add(option);
            else Add((Command)symbol);
    }

    /// <summary>Sets what the command does.</summary>
    /// <param name="run">Returns the exit code.</param>
    public DocumentedCommand Runs(Func<ParseResult, CancellationToken, int> run)
    {
        // The overload with a cancellation token is asynchronous only.
        SetAction((parsed, cancel) =>
        {
            LoadTensors(parsed);
            return Task.FromResult(run(parsed, cancel));
        });
        return this;
    }

    // Help is another action. The data commands compute without tensors. A problem is reported where a tensor is needed.
    private static void LoadTensors(ParseResult parsed)
    {
        if (!parsed.CommandResult.Command.Parents.Any(p => p.Name == "data")) _ = Models.Runtime.Libtorch.Report;
    }

    /// <summary>Sets what the command does, where it waits for a network or a judge.</summary>
    /// <param name="run">Returns the exit code.</param>
    public DocumentedCommand RunsAsync(Func<ParseResult, CancellationToken, Task<int>> run)
    {
        SetAction((parsed, cancel) =>
        {
            LoadTensors(parsed);
            return run(parsed, cancel);
        });
        return this;
    }
}

/// <summary>The groups of the first screen.</summary>
internal enum CommandGroup
{
    Data,
    Train,
    Use,
    Machine,
}
