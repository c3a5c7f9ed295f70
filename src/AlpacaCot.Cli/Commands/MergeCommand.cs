using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>merge</c>: an adapter into its base.</summary>
internal static class MergeCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var (model, adapter, output) = (Options.Model(), Options.Adapter(), Options.Out("The Hugging Face folder to make"));
        model.Required = adapter.Required = output.Required = true;
        adapter.Description = "PEFT adapter folder, or a run folder with one in adapter/";
        output.HelpName = "DIR";
        var (type, shard, quantization, json) =
            (ExportCommand.WeightType(), ExportCommand.ShardSize(), Options.Quantization(), Options.Json());
        var verb = new DocumentedCommand("merge", CommandGroup.Use, "Fold an adapter into its base model, as a Hugging Face folder",
            "merge --model path/to/model --adapter runs/my-run --out merged",
            "merge --model path/to/model --adapter runs/my-run --out merged --dtype bfloat16 --shard-size 2GB --json")
        {
            model, adapter, output, type, shard, quantization, json,
        };
        verb.SetAction((parsed, _) =>
        {
            using var loaded = ModelLoading.Load(parsed.GetValue(model), parsed.GetValue(adapter), null, null, terminal,
                quantization: parsed.GetValue(quantization));
            var path = parsed.GetValue(output)!;
            var result = ExportCommand.HuggingFace(loaded, path, parsed.GetValue(type), parsed.GetValue(shard)!,
                parsed.GetValue(adapter));
            ExportCommand.Report(result, path, "hf", MergedBase.Of(parsed.GetValue(adapter), loaded),
                parsed.GetValue(json), terminal);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }
}
