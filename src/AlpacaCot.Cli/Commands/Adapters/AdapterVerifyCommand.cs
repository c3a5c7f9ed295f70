using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Training.Adapters;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters verify</c>: files, numbers and base of the adapters in a folder.</summary>
internal static class AdapterVerifyCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var folder = new Argument<string>("DIR") { Description = "A folder of runs or adapters, or one of them" };
        var model = Options.Model("Try each adapter on this model");
        var (quantization, json) = (Options.Quantization(), Options.Json());
        var verb = new DocumentedCommand("verify", CommandGroup.Use, "Check adapters: files as written, numbers finite, base the right one",
            "adapters verify runs", "adapters verify runs/my-run --model path/to/model --json")
        {
            folder, model, quantization, json,
        };
        verb.SetAction((parsed, _) =>
        {
            var verdicts = AdapterCollection.In(parsed.GetValue(folder)!)
                .Select(adapter => AdapterCollection.Verify(adapter, parsed.GetValue(model),
                    QuantizationOptions.Parse(parsed.GetValue(quantization)))).ToList();
            if (parsed.GetValue(json))
                terminal.WriteJson(w => w.Object(o => o.Array("adapters", verdicts, v => o.Object(e =>
                {
                    AdapterListCommand.Write(e, v.Adapter, v.Fit);
                    e.Strings("problems", v.Problems);
                    if (v.FitReason.Length > 0) e.WriteString("fit_reason", v.FitReason);
                }))));
            else
                foreach (var verdict in verdicts) Show(verdict, terminal.Console);
            return Task.FromResult(verdicts.All(v => v.Problems.Count == 0 && v.Fit != AdapterFit.None)
                ? ExitCode.Done : ExitCode.Failed);
        });
        return verb;
    }

    private static void Show(AdapterVerdict verdict, IAnsiConsole console)
    {
        var name = Markup.Escape(verdict.Adapter.Folder);
        var fit = verdict.Fit switch
        {
            AdapterFit.SameWeights => ", for this very model",
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
