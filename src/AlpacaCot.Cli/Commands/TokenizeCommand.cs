using System.CommandLine;
using System.Globalization;
using System.Text;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>tokenize</c>: encodes a text or the lines of a file to ids, or decodes ids.</summary>
internal sealed class TokenizeCommand(Terminal terminal)
{
    private readonly Option<string> _model = Options.Model(), _tokenizer = Options.Tokenizer();
    private readonly Option<string> _text = Options.Text("--text", "Text to encode");
    private readonly Option<string> _file = Options.File("--file",
        "File with one text per line; in a .jsonl file each line is a JSON string");

    private readonly Option<string> _ids = Options.InputIds("Token ids to decode");
    private readonly Option<string> _out = Options.Out("With --file: output file with one line of ids per text");
    private readonly Option<bool> _noSpecial = new("--no-special")
    {
        Description = "Do not add BOS or EOS, and treat special tokens in the text as text",
    };

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new TokenizeCommand(terminal);
        return new DocumentedCommand("tokenize", CommandGroup.Data, "Encode text to token ids, or decode ids to text",
            "tokenize --model path/to/model --text \"Hello world\"",
            "tokenize --tokenizer tokenizer.json --text \"<s>Hello\" --no-special --json",
            "tokenize --model path/to/model --file texts.jsonl --out texts.ids",
            "tokenize --model path/to/model --input-ids \"1,15043,3186\"")
        {
            command._model, command._tokenizer, command._text, command._file, command._ids, command._out, command._noSpecial,
            command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (given, from, back) = (parsed.GetValue(_text), parsed.GetValue(_file), parsed.GetValue(_ids));
        if (new[] { given, from, back }.Count(v => v is not null) != 1)
            throw new InputException("tokenize needs exactly one of --text TEXT, --file FILE and --input-ids IDS");
        if (parsed.GetValue(_out) is not null && from is null) throw new InputException("--out needs --file");
        var engine = TokenIds.Load(parsed.GetValue(_tokenizer), parsed.GetValue(_model));
        var special = !parsed.GetValue(_noSpecial);
        if (given is not null) Show(engine, given, engine.Encode(given, special, special), terminal, parsed.GetValue(_json));
        else if (from is not null)
            EncodeFile(engine, from, parsed.GetValue(_out), special, terminal, parsed.GetValue(_json), cancel);
        else Decode(engine, TokenIds.Parse(back!, _ids.Name, engine), skipSpecial: !special, terminal, parsed.GetValue(_json));
        return ExitCode.Done;
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
        else terminal.Exact.WriteLine(text);
    }

    private static void EncodeFile(Tokenizer tokenizer, string path, string? output, bool special, Terminal terminal, bool json,
        CancellationToken cancel)
    {
        using var progress = new RecordProgress(terminal, json);
        var tokens = 0L;
        var lineIds = progress.Follow(TextLines.Read(path, progress.Read), cancel).Select(line =>
        {
            var ids = tokenizer.Encode(line, special, special);
            tokens += ids.Length;
            return ids;
        });
        if (output is null)
        {
            if (json) terminal.WriteJson(w => w.Object(o => o.Array("ids", lineIds, ids => o.Ids(ids))));
            else WriteLines(lineIds, terminal.Out);
            return;
        }
        if (Path.GetFullPath(output) == Path.GetFullPath(path))
            throw new InputException("--out is the input file; choose another file");
        OutputFile.Write(output, stream =>
        {
            using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
            WriteLines(lineIds, writer);
        });
        var (seconds, lines) = (progress.Elapsed.TotalSeconds, progress.Count);
        progress.Dispose();
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
                $"{lines:N0} lines, {tokens:N0} tokens in {progress.TimeAndSpeed}, "
                + $"{tokens / Math.Max(seconds, 1e-9):N0} tokens/s: {output}"));
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
