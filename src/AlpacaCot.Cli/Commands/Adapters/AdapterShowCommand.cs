using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Text;
using AlpacaCot.Training.Adapters;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters show</c>: where an adapter comes from.</summary>
internal static class AdapterShowCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var folder = new Argument<string>("DIR") { Description = "An adapter's folder or a run's" };
        var json = Options.Json();
        var verb = new DocumentedCommand("show", CommandGroup.Use, "Show where an adapter comes from: base, data, recipe, metrics",
            "adapters show runs/my-run", "adapters show runs/my-run --json")
        {
            folder, json,
        };
        verb.SetAction((parsed, _) =>
        {
            var adapter = AdapterCollection.In(parsed.GetValue(folder)!) is [var only] ? only
                : throw new InputException($"{parsed.GetValue(folder)} does not hold one adapter; see: alpaca-cot adapters list "
                    + parsed.GetValue(folder));
            if (parsed.GetValue(json))
                terminal.Out.WriteLine(adapter.Card is null ? throw NoCard(adapter)
                    : File.ReadAllText(Path.Combine(adapter.Folder, AdapterCard.FileName)).TrimEnd());
            else
                terminal.Out.WriteLine(adapter.Card is null ? throw NoCard(adapter)
                    : File.ReadAllText(Path.Combine(adapter.Folder, "README.md")).TrimEnd());
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static InputException NoCard(FoundAdapter adapter) => new($"{adapter.Folder} is an adapter of another program "
        + $"({adapter.Method} for {adapter.BaseModel}): it has no {AdapterCard.FileName}. Check it with: alpaca-cot adapters verify {adapter.Folder}");
}
