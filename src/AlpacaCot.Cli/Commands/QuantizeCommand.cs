using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Quantization;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>quantize</c>: writes a model folder with linear layers in 8 or 4 bits.</summary>
internal sealed class QuantizeCommand(Terminal terminal)
{
    private readonly Option<string> _model = Options.Model(required: true);
    private readonly Option<string> _to = new Option<string>("--to") { Description = "Quantization to apply", Required = true }
        .Among([.. QuantizationOptions.Names]);

    private readonly Option<string> _out = Options.Out("Model folder to write", "DIR", required: true);
    private readonly Option<bool> _single = new("--no-double-quantization")
    {
        Description = "Store the scales of 4-bit blocks in fp32",
    };

    private readonly Option<string[]> _skip = new("--skip")
    {
        Description = "Layers to leave unquantized in addition to the head, by name or end of name", HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [],
    };

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new QuantizeCommand(terminal);
        return new DocumentedCommand("quantize", CommandGroup.Use,
            "Write a model with linear layers in 8 or 4 bits, in the format of transformers",
            "quantize --model path/to/model --to nf4 --out path/to/model-nf4",
            "quantize --model path/to/model --to int8 --skip gate --out path/to/model-int8 --json")
        {
            command._model, command._to, command._out, command._single, command._skip, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (from, into) = (parsed.GetValue(_model)!, parsed.GetValue(_out)!);
        var options = QuantizationOptions.Parse(parsed.GetValue(_to))! with
        {
            DoubleQuantization = !parsed.GetValue(_single), Skip = parsed.GetValue(_skip)!,
        };
        var clock = Stopwatch.StartNew();
        var shown = false;
        try
        {
            QuantizedFolder.Write(from, into, options, (done, all) =>
            {
                cancel.ThrowIfCancellationRequested();
                if (!terminal.ErrorIsTerminal || clock.ElapsedMilliseconds < 1000) return;
                shown = true;
                terminal.WriteProgress(string.Create(CultureInfo.InvariantCulture,
                    $"{done / 1e6:N0} of {all / 1e6:N0} million weights"));
            });
        }
        finally
        {
            if (shown) terminal.WriteProgress(null);
        }
        Report(from, into, options, clock.Elapsed, parsed.GetValue(_json), terminal);
        return ExitCode.Done;
    }

    private static void Report(string from, string into, QuantizationOptions options, TimeSpan elapsed, bool json,
        Terminal terminal)
    {
        var (before, after) = (WeightBytes(from), WeightBytes(into));
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("output", into);
                o.WriteString("form", options.Name);
                o.WriteNumber("bytes_before", before);
                o.WriteNumber("bytes", after);
                o.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 1));
            }));
        else
            terminal.Console.MarkupLine(string.Create(CultureInfo.InvariantCulture,
                $"{Markup.Escape(into)}: {options.Name}, {after / 1e6:N1} MB of weights (before: {before / 1e6:N1} MB)"));
    }

    private static long WeightBytes(string path) => File.Exists(path) ? new FileInfo(path).Length
        : Directory.GetFiles(path).Where(f => Path.GetExtension(f) is ".safetensors" or ".bin" or ".pth")
        .Sum(f => new FileInfo(f).Length);
}
