using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>tokenize</c>: text, or a file line by line, to ids; ids to text.</summary>
internal static class TokenizeCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var model = Options.Model("Model folder with the tokenizer");
        var tokenizer = Options.Tokenizer();
        var text = Options.Text("--text", "The text");
        var file = new Option<string>("--file")
        {
            Description = "A file with one text a line; in a .jsonl file each line is a JSON string", HelpName = "FILE",
        };
        var ids = Options.InputIds();
        ids.Description = "Token ids to turn into text, as in \"1,2,3\"";
        var output = Options.Out("With --file: the file that gets one line of ids for each line");
        var plain = new Option<bool>("--no-special")
        {
            Description = "Add no BOS or EOS, and treat special tokens in the text as text",
        };
        var json = Options.Json();
        var verb = new DocumentedCommand("tokenize", CommandGroup.Data, "Turn text into token ids and back",
            "tokenize --model path/to/model --text \"Hello world\"",
            "tokenize --tokenizer tokenizer.json --text \"<s>Hello\" --no-special --json",
            "tokenize --model path/to/model --file texts.jsonl --out texts.ids",
            "tokenize --model path/to/model --input-ids \"1,15043,3186\"")
        {
            model, tokenizer, text, file, ids, output, plain, json,
        };
        verb.SetAction((parsed, cancel) =>
        {
            var (given, from, back) = (parsed.GetValue(text), parsed.GetValue(file), parsed.GetValue(ids));
            if (new[] { given, from, back }.Count(v => v is not null) != 1)
                throw new InputException("tokenize takes one of --text TEXT, --file FILE and --input-ids IDS");
            if (parsed.GetValue(output) is not null && from is null) throw new InputException("--out goes with --file");
            var engine = TokenIds.Load(parsed.GetValue(tokenizer), parsed.GetValue(model));
            var special = !parsed.GetValue(plain);
            if (given is not null) Show(engine, given, engine.Encode(given, special, special), terminal, parsed.GetValue(json));
            else if (from is not null)
                EncodeFile(engine, from, parsed.GetValue(output), special, terminal, parsed.GetValue(json), cancel);
            else Decode(engine, TokenIds.Parse(back!, ids.Name, engine), skipSpecial: !special, terminal, parsed.GetValue(json));
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static void Show(Tokenizer tokenizer, string text, int[] ids, Terminal terminal, bool json)
    {
        if (json) terminal.WriteJson(w => w.Object(o => o.Ids("ids", ids)));
        else if (TokenChips.Fit(terminal))
        {
            TokenChips.Show(tokenizer, [.. ids.Select(id => new TokenChip(id, TokenKind.Plain))], terminal);
            terminal.Console.WriteLine();
            terminal.Console.WriteLine($"{ids.Length} tokens of {text.EnumerateRunes().Count()} characters");
        }
        else terminal.Out.WriteLine(string.Join(' ', ids));
    }

    private static void Decode(Tokenizer tokenizer, int[] ids, bool skipSpecial, Terminal terminal, bool json)
    {
        var text = tokenizer.Decode(ids, skipSpecial);
        if (json) terminal.WriteJson(w => w.Object(o => o.WriteString("text", text)));
        else terminal.Out.WriteLine(text);
    }

    private static void EncodeFile(Tokenizer tokenizer, string path, string? output, bool special, Terminal terminal, bool json,
        CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var (lines, tokens) = (0L, 0L);
        var lineIds = TextLines.Read(path).Select(line =>
        {
            cancel.ThrowIfCancellationRequested();
            var ids = tokenizer.Encode(line, special, special);
            (lines, tokens) = (lines + 1, tokens + ids.Length);
            return ids;
        });
        if (output is null)
        {
            if (json) terminal.WriteJson(w => w.Object(o => o.Array("ids", lineIds, ids => o.Ids(ids))));
            else WriteLines(lineIds, terminal.Out);
            return;
        }
        if (Path.GetFullPath(output) == Path.GetFullPath(path))
            throw new InputException("--out is the file that is read; name another one");
        OutputFile.Write(output, stream =>
        {
            using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
            WriteLines(lineIds, writer);
        });
        var seconds = clock.Elapsed.TotalSeconds;
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteNumber("lines", lines);
                o.WriteNumber("tokens", tokens);
                o.WriteNumber("seconds", Math.Round(seconds, 3));
                o.WriteString("out", output);
            }));
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{lines:N0} lines, {tokens:N0} tokens in {seconds:0.0} s ({tokens / Math.Max(seconds, 1e-9):N0} tokens/s): " +
                    $"{output}"));
    }

    private static void WriteLines(IEnumerable<int[]> lines, TextWriter writer)
    {
        Span<char> digits = stackalloc char[11];
        foreach (var ids in lines)
        {
            for (var i = 0; i < ids.Length; i++)
            {
                if (i > 0) writer.Write(' ');
                ids[i].TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
                writer.Write(digits[..length]);
            }
            writer.Write('\n');
        }
    }
}
