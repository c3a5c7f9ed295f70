using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Training.Adapters;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters verify</c>: checks files, values and base model of adapters.</summary>
internal sealed class AdapterVerifyCommand(Terminal terminal)
{
    private readonly Argument<string> _folder = new("DIR") { Description = "Folder with runs or adapters, or one adapter" };
    private readonly Option<string> _model = Options.Model(description: "Model to load each adapter on");
    private readonly Option<string> _quantization = Options.Quantization();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new AdapterVerifyCommand(terminal);
        return new DocumentedCommand("verify", CommandGroup.Use,
            "Check adapters: files unchanged, all values finite, right base model",
            "adapters verify runs", "adapters verify runs/my-run --model path/to/model --json")
        {
            command._folder, command._model, command._quantization, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var verdicts = AdapterCollection.In(parsed.GetValue(_folder)!)
            .Select(adapter => AdapterCollection.Verify(adapter, parsed.GetValue(_model),
                QuantizationOptions.Parse(parsed.GetValue(_quantization)))).ToList();
        if (parsed.GetValue(_json))
            terminal.WriteJson(w => w.Object(o => o.Array("adapters", verdicts, v => o.Object(e =>
            {
                AdapterListCommand.Write(e, v.Adapter, v.Fit);
                e.Strings("problems", v.Problems);
                if (v.FitReason.Length > 0) e.WriteString("fit_reason", v.FitReason);
            }))));
        else
            foreach (var verdict in verdicts) Show(verdict, terminal.Console);
        return verdicts.All(v => v.Problems.Count == 0 && v.Fit != AdapterFit.None)
            ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Show(AdapterVerdict verdict, IAnsiConsole console)
    {
        var name = Markup.Escape(verdict.Adapter.Folder);
        var fit = verdict.Fit switch
        {
            AdapterFit.SameWeights => ", trained on this model",
            AdapterFit.Shapes => verdict.Adapter.Card is null
                ? ", its shapes fit" : ", its shapes fit but it was trained on other weights",
            _ => "",
        };
        if (verdict.Problems.Count == 0 && verdict.Fit != AdapterFit.None)
            console.MarkupLine($"[green]sound[/]  {name}: {verdict.Adapter.Method}{fit}");
        foreach (var problem in verdict.Problems) console.MarkupLine($"[red]broken[/] {name}: {Markup.Escape(problem)}");
        if (verdict.Fit == AdapterFit.None) console.MarkupLine($"[red]no fit[/] {name}: {Markup.Escape(verdict.FitReason)}");
    }
}
