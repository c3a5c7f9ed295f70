using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Text;
using AlpacaCot.Training.Adapters;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters show</c>: where an adapter comes from.</summary>
internal sealed class AdapterShowCommand(Terminal terminal)
{
    private readonly Argument<string> _folder = new("DIR") { Description = "Folder of an adapter, or of a run with one" };
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new AdapterShowCommand(terminal);
        return new DocumentedCommand("show", CommandGroup.Use, "Show an adapter's base model, data, recipe and metrics",
            "adapters show runs/my-run", "adapters show runs/my-run --json")
        {
            command._folder, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var adapter = AdapterCollection.In(parsed.GetValue(_folder)!) is [var only] ? only
            : throw new InputException($"{parsed.GetValue(_folder)} does not contain exactly one adapter; see: "
                + "alpaca-cot adapters list " + parsed.GetValue(_folder));
        if (parsed.GetValue(_json))
            terminal.Out.WriteLine(adapter.Card is null ? throw NoCard(adapter)
                : File.ReadAllText(Path.Combine(adapter.Folder, AdapterCard.FileName)).TrimEnd());
        else
            terminal.Out.WriteLine(adapter.Card is null ? throw NoCard(adapter)
                : File.ReadAllText(Path.Combine(adapter.Folder, "README.md")).TrimEnd());
        return ExitCode.Done;
    }

    private static InputException NoCard(FoundAdapter adapter) => new($"{adapter.Folder} was written by another program "
        + $"({adapter.Method} for {adapter.BaseModel}) and has no {AdapterCard.FileName}. Check it with: "
        + $"alpaca-cot adapters verify {adapter.Folder}");
}
