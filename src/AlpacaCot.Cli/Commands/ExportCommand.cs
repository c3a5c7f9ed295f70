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

/// <summary><c>export</c>: writes a model in formats of other programs.</summary>
internal sealed class ExportCommand(Terminal terminal)
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

    private readonly Option<string> _model = Options.Model(required: true), _adapter = Options.Adapter();
    private readonly Option<string> _format = new Option<string>("--format") { Description = "Format to write", Required = true }
        .Among(["hf", "gguf", "state-dict"]);

    private readonly Option<string> _out = Options.Out("File (gguf) or folder (hf, state-dict) to write", "PATH", required: true);
    private readonly Option<string> _type = new Option<string>("--dtype")
    {
        Description = "Type of the weights to write. Default: float16 for gguf, else the types of the model",
    }.Among([.. GgufTypes.Keys]);

    private readonly Option<string> _shard = ShardSize();
    private readonly Option<string> _preTokenizer = new("--pre-tokenizer")
    {
        Description = "llama.cpp's name of the pre-tokenizer, if it cannot be detected", HelpName = "NAME",
    };

    private readonly Option<string> _quantization = Options.Quantization();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new ExportCommand(terminal);
        return new DocumentedCommand("export", CommandGroup.Use,
            "Write a model as a Hugging Face folder, a GGUF file or Meta's state dict",
            "export --model path/to/model --adapter runs/my-run --format gguf --dtype q8_0 --out model.gguf",
            "export --model model.gguf --format hf --out path/to/folder",
            "export --model path/to/model --format state-dict --out path/to/folder --json")
        {
            command._model, command._adapter, command._format, command._out, command._type, command._shard,
            command._preTokenizer, command._quantization, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        using var loaded = ModelLoading.Load(parsed.GetValue(_model), parsed.GetValue(_adapter), null, null,
            new(Quantization: parsed.GetValue(_quantization)), terminal);
        var (path, type, format) = (parsed.GetValue(_out)!, parsed.GetValue(_type), parsed.GetValue(_format)!);
        var result = format switch
        {
            "gguf" => ModelExport.ToGguf(loaded, path, GgufTypes[type ?? "float16"], parsed.GetValue(_preTokenizer)),
            "hf" => HuggingFace(loaded, path, type, parsed.GetValue(_shard)!, parsed.GetValue(_adapter)),
            _ => ModelExport.ToStateDict(loaded, path, TypeOf(type)),
        };
        Report(result, path, format, MergedBase.Of(parsed.GetValue(_adapter), loaded), parsed.GetValue(_json),
            terminal);
        return ExitCode.Done;
    }

    public static Option<string> WeightType() => new Option<string>("--dtype")
    {
        Description = "Type of the weights to write. Default: the types of the model",
    }.Among([.. Types.Keys]);

    public static Option<string> ShardSize() => new("--shard-size")
    {
        Description = "Maximum size of a weight file, for example 500MB or 5GB", HelpName = "SIZE",
            DefaultValueFactory = _ => "5GB",
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
                $"{path}: {result.Bytes / 1e6:0.0} MB in {result.Files.Count} file{(result.Files.Count == 1 ? "" : "s")}. Read "
                    + $"back, its logits on " +
                $"{check.Tokens} tokens differ from the loaded model's by at most {check.LargestDifference:0.0e+0} (largest "
                    + $"logit " +
                $"{check.LargestLogit:0.00}).{merged.Remark}"));
    }

    private static torch.ScalarType? TypeOf(string? name) => name is null ? null
        : Types.TryGetValue(name, out var type) ? type
        : throw new InputException($"--dtype {name} needs --format gguf; other formats take {string.Join(", ", Types.Keys)}");

    internal static long Bytes(string size)
    {
        var digits = size.TrimEnd("kKmMgGbB".ToCharArray());
        var unit = size[digits.Length..].ToUpperInvariant() switch { "" or "B" => 1, "KB" => 1e3, "MB" => 1e6, "GB" => 1e9, _ =>
            0 };
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * unit >= 1
            ? (long)(number * unit)
            : throw new InputException($"--shard-size: found {size}, allowed is a size, for example 500MB or 5GB");
    }
}
