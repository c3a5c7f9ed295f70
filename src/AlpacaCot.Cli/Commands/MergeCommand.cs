using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>merge</c>: merges an adapter into its base model.</summary>
internal sealed class MergeCommand(Terminal terminal)
{
    private readonly Option<string> _model = Options.Model(required: true), _adapter = Options.Adapter(required: true),
        _out = Options.Out("Hugging Face folder to write", "DIR", required: true),
        _type = ExportCommand.WeightType(), _shard = ExportCommand.ShardSize(), _quantization = Options.Quantization();

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new MergeCommand(terminal);
        return new DocumentedCommand("merge", CommandGroup.Use,
            "Merge an adapter into its base model and write a Hugging Face folder",
            "merge --model path/to/model --adapter runs/my-run --out merged",
            "merge --model path/to/model --adapter runs/my-run --out merged --dtype bfloat16 --shard-size 2GB --json")
        {
            command._model, command._adapter, command._out, command._type, command._shard, command._quantization, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        using var loaded = ModelLoading.Load(parsed.GetValue(_model), parsed.GetValue(_adapter), null, null,
            new(Quantization: parsed.GetValue(_quantization)), terminal);
        var path = parsed.GetValue(_out)!;
        var result = ExportCommand.HuggingFace(loaded, path, parsed.GetValue(_type), parsed.GetValue(_shard)!,
            parsed.GetValue(_adapter));
        ExportCommand.Report(result, path, "hf", MergedBase.Of(parsed.GetValue(_adapter), loaded),
            parsed.GetValue(_json), terminal);
        return ExitCode.Done;
    }
}
