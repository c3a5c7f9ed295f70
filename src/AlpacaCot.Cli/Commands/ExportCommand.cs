using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Export;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using TorchSharp;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>export</c>: a model in the forms that other programs read.</summary>
internal static class ExportCommand
{
    private static readonly Dictionary<string, torch.ScalarType> Types = new()
    {
        ["float32"] = torch.ScalarType.Float32, ["float16"] = torch.ScalarType.Float16, ["bfloat16"] = torch.ScalarType.BFloat16,
    };

    private static readonly Dictionary<string, GgufType> GgufTypes = new()
    {
        ["float32"] = GgufType.F32, ["float16"] = GgufType.F16, ["bfloat16"] = GgufType.BF16, ["q8_0"] = GgufType.Q8,
        ["q4_0"] = GgufType.Q4,
    };

    public static DocumentedCommand Create(Terminal terminal)
    {
        var (model, adapter, output) = (Options.Model("Model: a Hugging Face folder, a GGUF file, a folder with params.json"),
            Options.Adapter(), Options.Out("The file (gguf) or folder (hf, state-dict) to make"));
        model.Required = output.Required = true;
        adapter.Description = "PEFT adapter folder; it is folded in";
        output.HelpName = "PATH";
        var format = new Option<string>("--format") { Description = "What to write", Required = true };
        format.AcceptOnlyFromAmong("hf", "gguf", "state-dict");
        var type = new Option<string>("--dtype") { Description = "Type of the weights; as they are, and float16 for gguf" };
        type.AcceptOnlyFromAmong([.. GgufTypes.Keys]);
        var (shard, quantization, json) = (ShardSize(), Options.Quantization(), Options.Json());
        var pre = new Option<string>("--pre-tokenizer")
        {
            Description = "llama.cpp's name of the pre-tokenizer, where it cannot be told", HelpName = "NAME",
        };
        var verb = new DocumentedCommand("export", CommandGroup.Use, "Write a model as a Hugging Face folder, GGUF or Meta's state dict",
            "export --model path/to/model --adapter runs/my-run --format gguf --dtype q8_0 --out model.gguf",
            "export --model model.gguf --format hf --out path/to/folder",
            "export --model path/to/model --format state-dict --out path/to/folder --json")
        {
            model, adapter, format, output, type, shard, pre, quantization, json,
        };
        verb.SetAction((parsed, _) =>
        {
            using var loaded = ModelLoading.Load(parsed.GetValue(model), parsed.GetValue(adapter), null, null, terminal,
                quantization: parsed.GetValue(quantization));
            var (path, wanted, kind) = (parsed.GetValue(output)!, parsed.GetValue(type), parsed.GetValue(format)!);
            var result = kind switch
            {
                "gguf" => ModelExport.ToGguf(loaded, path, GgufTypes[wanted ?? "float16"], parsed.GetValue(pre)),
                "hf" => HuggingFace(loaded, path, wanted, parsed.GetValue(shard)!, parsed.GetValue(adapter)),
                _ => ModelExport.ToStateDict(loaded, path, TypeOf(wanted)),
            };
            Report(result, path, kind, MergedBase.Of(parsed.GetValue(adapter), loaded), parsed.GetValue(json),
                terminal);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    public static Option<string> WeightType()
    {
        var option = new Option<string>("--dtype") { Description = "Type of the weights; by default as they are" };
        return option.AcceptOnlyFromAmong([.. Types.Keys]);
    }

    public static Option<string> ShardSize() => new("--shard-size")
    {
        Description = "The most bytes of a weight file, as in 500MB or 5GB", HelpName = "SIZE", DefaultValueFactory = _ => "5GB",
    };

    public static ExportResult HuggingFace(LanguageModel model, string path, string? type, string shard, string? adapter) =>
        ModelExport.ToHuggingFace(model, path, TypeOf(type), Bytes(shard), adapter);

    public static void Report(ExportResult result, string path, string format, MergedBase merged, bool json, Terminal terminal)
    {
        var check = result.Check;
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("out", path);
                o.WriteString("format", format);
                o.WriteString("quantization", merged.Quantization);
                o.WriteString("trained_on", merged.TrainedOn);
                o.Strings("files", result.Files);
                o.WriteNumber("bytes", result.Bytes);
                o.WriteNumber("tokens_compared", check.Tokens);
                o.WriteNumber("largest_difference", check.LargestDifference);
                o.WriteNumber("largest_logit", check.LargestLogit);
            }));
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{path}: {result.Bytes / 1e6:0.0} MB in {result.Files.Count} file{(result.Files.Count == 1 ? "" : "s")}. Reopened, its logits on " +
                $"{check.Tokens} tokens differ from the loaded model's by at most {check.LargestDifference:0.0e+0} (largest logit " +
                $"{check.LargestLogit:0.00}).{merged.Words}"));
    }

    private static torch.ScalarType? TypeOf(string? name) => name is null ? null
        : Types.TryGetValue(name, out var type) ? type
        : throw new InputException($"--dtype {name} is a type of GGUF; {string.Join(", ", Types.Keys)} go with other formats");

    internal static long Bytes(string size)
    {
        var digits = size.TrimEnd("kKmMgGbB".ToCharArray());
        var unit = size[digits.Length..].ToUpperInvariant() switch { "" or "B" => 1, "KB" => 1e3, "MB" => 1e6, "GB" => 1e9, _ =>
            0 };
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * unit >= 1
            ? (long)(number * unit)
            : throw new InputException($"--shard-size: found {size}, allowed is a size as in 500MB or 5GB");
    }
}
