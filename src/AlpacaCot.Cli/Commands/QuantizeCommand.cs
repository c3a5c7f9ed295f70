using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Quantization;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>quantize</c>: a model folder whose linear layers are kept in 8 or 4 bits.</summary>
internal static class QuantizeCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var (model, output, json) = (Options.Model(), Options.Out("The folder to make"), Options.Json());
        model.Required = output.Required = true;
        output.HelpName = "DIR";
        var to = new Option<string>("--to") { Description = "The form", Required = true };
        to.AcceptOnlyFromAmong([.. QuantizationOptions.Names]);
        var plain = new Option<bool>("--no-double-quantization") { Description = "Keep the scales of 4-bit blocks in fp32" };
        var skip = new Option<string[]>("--skip")
        {
            Description = "Layers left as they are beside the head, by name or end of name", HelpName = "NAME",
            AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [],
        };
        var verb = new DocumentedCommand("quantize", CommandGroup.Use,
            "Write a model with its linear layers in 8 or 4 bits, as transformers reads it",
            "quantize --model path/to/model --to nf4 --out path/to/model-nf4",
            "quantize --model path/to/model --to int8 --skip gate --out path/to/model-int8 --json")
        {
            model, to, output, plain, skip, json,
        };
        verb.SetAction((parsed, cancel) =>
        {
            var (from, into) = (parsed.GetValue(model)!, parsed.GetValue(output)!);
            var options = QuantizationOptions.Parse(parsed.GetValue(to))! with
            {
                DoubleQuantization = !parsed.GetValue(plain), Skip = parsed.GetValue(skip)!,
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
                    terminal.Error.Write(string.Create(CultureInfo.InvariantCulture,
                        $"\r  {done / 1e6:N0} of {all / 1e6:N0} million weights   "));
                });
            }
            finally
            {
                if (shown) terminal.Error.Write("\r\u001b[K");
            }
            Report(from, into, options, clock.Elapsed, parsed.GetValue(json), terminal);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
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
                $"{Markup.Escape(into)}: {options.Name}, {after / 1e6:N1} MB of weights in place of {before / 1e6:N1} MB"));
    }

    private static long WeightBytes(string path) => File.Exists(path) ? new FileInfo(path).Length
        : Directory.GetFiles(path).Where(f => Path.GetExtension(f) is ".safetensors" or ".bin" or ".pth")
        .Sum(f => new FileInfo(f).Length);
}
