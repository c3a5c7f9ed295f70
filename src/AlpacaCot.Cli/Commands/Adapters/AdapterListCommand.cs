using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Training.Adapters;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters list</c>: lists the adapters in a folder and whether they fit a model.</summary>
internal sealed class AdapterListCommand(Terminal terminal)
{
    private readonly Argument<string> _folder = new("DIR")
    {
        Description = "Folder with runs or adapters", DefaultValueFactory = _ => "runs",
    };

    private readonly Option<string> _model = Options.Model(description: "Model to compare with: shows which adapters fit it");
    private readonly Option<string> _quantization = Options.Quantization();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new AdapterListCommand(terminal);
        return new DocumentedCommand("list", CommandGroup.Use, "List the adapters in a folder", "adapters list runs",
            "adapters list runs --model path/to/model", "adapters list runs --json")
        {
            command._folder, command._model, command._quantization, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var adapters = AdapterCollection.In(parsed.GetValue(_folder)!)
            .Select(a => (Adapter: a, Fit: parsed.GetValue(_model) is { } path
                ? AdapterCollection.Fit(a, path, QuantizationOptions.Parse(parsed.GetValue(_quantization))).Fit
                : AdapterFit.Unknown))
            .ToList();
        if (parsed.GetValue(_json))
            terminal.WriteJson(
                w => w.Object(o => o.Array("adapters", adapters, a => o.Object(e => Write(e, a.Adapter, a.Fit)))));
        else Show(adapters, parsed.GetValue(_folder)!, terminal);
        return ExitCode.Done;
    }

    /// <summary>Writes the fields of one adapter.</summary>
    public static void Write(Utf8JsonWriter json, FoundAdapter adapter, AdapterFit fit)
    {
        json.WriteString("folder", adapter.Folder);
        json.WriteString("method", adapter.Method);
        json.WriteString("base_model", adapter.BaseModel);
        json.WriteString("base_fingerprint", adapter.Card?.Base.Fingerprint);
        json.WriteNumber("bytes", adapter.Bytes);
        json.WriteString("template", adapter.Card?.Template);
        json.Object("metrics", m =>
        {
            foreach (var (name, value) in adapter.Card?.Metrics ?? new Dictionary<string, double>()) m.WriteNumber(name, value);
        });
        if (fit != AdapterFit.Unknown) json.WriteString("fit", Words(fit));
    }

    /// <summary>The word for a fit in tables and JSON.</summary>
    public static string Words(AdapterFit fit) => fit switch
    {
        AdapterFit.SameWeights => "yes",
        AdapterFit.Shapes => "by shape",
        AdapterFit.None => "no",
        _ => "",
    };

    private static void Show(List<(FoundAdapter Adapter, AdapterFit Fit)> adapters, string folder, Terminal terminal)
    {
        if (adapters.Count == 0)
        {
            terminal.Out.WriteLine($"{folder} contains no adapters.");
            return;
        }
        var asked = adapters[0].Fit != AdapterFit.Unknown;
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new Style(Color.Grey) };
        string[] columns = ["adapter", "method", "base", "data", "validation", "size", .. asked ? ["fits"] : (string[])[]];
        foreach (var column in columns) table.AddColumn(column);
        foreach (var (adapter, fit) in adapters)
        {
            string[] cells = [Path.GetRelativePath(folder, adapter.Folder), adapter.Method, adapter.BaseModel,
                adapter.Card is null ? "" : string.Join(" + ", adapter.Card.Data.Select(d => d.Source)),
                adapter.Card?.Metrics.TryGetValue("validation_loss", out var loss) == true
                    ? loss.ToString("0.0000", CultureInfo.InvariantCulture) : "",
                string.Create(CultureInfo.InvariantCulture, $"{adapter.Bytes / 1e6:0.0} MB"), .. asked
                    ? [Words(fit)] : (string[])[]];
            if (terminal.OutIsTerminal) table.AddRow([.. cells.Select(Markup.Escape)]);
            else terminal.Out.WriteLine(string.Join("  ", cells.Where(c => c.Length > 0)));
        }
        if (terminal.OutIsTerminal) terminal.Console.Write(table);
        terminal.Out.WriteLine($"{adapters.Count} {(adapters.Count == 1 ? "adapter" : "adapters")}");
    }
}
