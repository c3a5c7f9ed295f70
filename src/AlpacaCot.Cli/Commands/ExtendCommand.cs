using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models.Export;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>extend</c>: adds tokens to a model.</summary>
internal sealed class ExtendCommand(Terminal terminal)
{
    private readonly Option<string> _model = Options.Model(required: true);
    private readonly Option<string> _merge = Options.File("--merge",
        "Add the pieces of this SentencePiece model, as Chinese-LLaMA does");

    private readonly Option<string[]> _token = new("--token")
    {
        Description = "Add this token, or give a row to one that the tokenizer has and the model lacks; repeatable",
            HelpName = "TEXT", DefaultValueFactory = _ => [],
    };

    private readonly Option<string> _tokens = Options.File("--tokens", "Add the tokens of a file, one per line");
    private readonly Option<bool> _special = new("--special")
    {
        Description = "Mark the added tokens as special: decoding leaves them out",
    };

    private readonly Option<string> _out = Options.Out("Hugging Face folder to write", "DIR", required: true);
    private readonly Option<string> _shard = ExportCommand.ShardSize();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new ExtendCommand(terminal);
        return new DocumentedCommand("extend", CommandGroup.Use,
            "Add tokens to a model's vocabulary; new vectors are means of the old ones",
            "extend --model path/to/llama --merge chinese_sp.model --out chinese-llama",
            "extend --model path/to/model --token \"<|tool|>\" --token \"<|result|>\" --special --out with-tools",
            "extend --model path/to/model --tokens words.txt --out wider --json")
        {
            command._model, command._merge, command._token, command._tokens, command._special, command._out, command._shard,
            command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var folder = parsed.GetValue(_model)!;
        List<string> texts = [.. parsed.GetValue(_token)!, .. parsed.GetValue(_tokens) is { } file ? Lines(file) : []];
        var second = parsed.GetValue(_merge);
        if (second is null == (texts.Count == 0))
            throw new InputException("extend needs the new tokens either from --merge or from --token and --tokens");
        using var loaded = ModelLoading.Load(folder, null, null, null, new(), terminal);
        var extension = second is not null ? VocabularyExtension.Merge(folder, second)
            : VocabularyExtension.Add(folder, texts, parsed.GetValue(_special), loaded.Model.Shape.Vocabulary);
        var path = parsed.GetValue(_out)!;
        var result = VocabularyGrowth.Write(loaded, extension, path, ExportCommand.Bytes(parsed.GetValue(_shard)!));
        Report(result, extension, path, parsed.GetValue(_json), terminal);
        return ExitCode.Done;
    }

    private static string[] Lines(string file) => File.Exists(file) ? [.. File.ReadLines(file).Where(line => line.Length > 0)]
        : throw new InputException($"{file}: file not found");

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
                o.WriteNumber("vocabulary", extension.After);
                o.WriteNumber("tokens_compared", result.Check.Tokens);
                o.WriteNumber("largest_difference", result.Check.LargestDifference);
            }));
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{path}: {added:N0} {(added == 1 ? "token" : "tokens")} added to {extension.After - added:N0}; "
                    + $"{result.Bytes / 1e6:0.0} MB. Read back, the logits of the old ") +
                string.Create(CultureInfo.InvariantCulture,
                    $"tokens differ by at most {result.Check.LargestDifference:0.0e+0}. ") +
                "The new vectors are means of old ones: train the embeddings and the head too (all parameters, or " +
                "modules_to_save).");
    }
}
