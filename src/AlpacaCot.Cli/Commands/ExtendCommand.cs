using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models.Export;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>extend</c>: more tokens for a model.</summary>
internal static class ExtendCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var (model, output) = (Options.Model(), Options.Out("The Hugging Face folder to make"));
        model.Required = output.Required = true;
        output.HelpName = "DIR";
        var merge = new Option<string>("--merge")
        {
            Description = "Add the pieces of this SentencePiece model, as Chinese-LLaMA does", HelpName = "MODEL",
        };
        var token = new Option<string[]>("--token")
        {
            Description = "Add this token; may be given several times", HelpName = "TEXT", DefaultValueFactory = _ => [],
        };
        var tokens = new Option<string>("--tokens") { Description = "Add the tokens of a file, one a line", HelpName = "FILE" };
        var special = new Option<bool>("--special")
        {
            Description = "The added tokens are protocol, not text: left out when decoding",
        };
        var (shard, json) = (ExportCommand.ShardSize(), Options.Json());
        var verb = new DocumentedCommand("extend", CommandGroup.Use, "Give a model more tokens, their vectors the means of what they were before",
            "extend --model path/to/llama --merge chinese_sp.model --out chinese-llama",
            "extend --model path/to/model --token \"<|tool|>\" --token \"<|result|>\" --special --out with-tools",
            "extend --model path/to/model --tokens words.txt --out wider --json")
        {
            model, merge, token, tokens, special, output, shard, json,
        };
        verb.SetAction((parsed, _) =>
        {
            var folder = parsed.GetValue(model)!;
            List<string> texts = [.. parsed.GetValue(token)!, .. parsed.GetValue(tokens) is { } file ? Lines(file) : []];
            var second = parsed.GetValue(merge);
            if (second is null == (texts.Count == 0))
                throw new InputException("extend takes the new tokens from --merge, or from --token and --tokens.");
            var extension = second is not null ? VocabularyExtension.Merge(folder, second)
                : VocabularyExtension.Add(folder, texts, parsed.GetValue(special));
            using var loaded = ModelLoading.Load(folder, null, null, null, terminal);
            var path = parsed.GetValue(output)!;
            var result = VocabularyGrowth.Write(loaded, extension, path, ExportCommand.Bytes(parsed.GetValue(shard)!));
            Report(result, extension, path, parsed.GetValue(json), terminal);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static string[] Lines(string file) => File.Exists(file) ? [.. File.ReadLines(file).Where(line => line.Length > 0)]
        : throw new InputException($"{file}: there is no such file.");

    private static void Report(ExportResult result, VocabularyExtension extension, string path, bool json, Terminal terminal)
    {
        var (before, added) = (extension.Before, extension.Tokens.Count);
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("out", path);
                o.Strings("files", result.Files);
                o.WriteNumber("bytes", result.Bytes);
                o.WriteNumber("vocabulary_before", before);
                o.WriteNumber("vocabulary", before + added);
                o.WriteNumber("tokens_compared", result.Check.Tokens);
                o.WriteNumber("largest_difference", result.Check.LargestDifference);
            }));
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{path}: {added:N0} tokens added to {before:N0}; {result.Bytes / 1e6:0.0} MB. Reopened, the logits of the old ") +
                string.Create(CultureInfo.InvariantCulture,
                    $"tokens differ by at most {result.Check.LargestDifference:0.0e+0}. ") +
                "The new vectors are means: train the embeddings and the head with the model (full tuning, or modules_to_save).");
    }
}
