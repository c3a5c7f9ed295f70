using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data convert</c>: converts instruction data to another format.</summary>
internal sealed class ConvertCommand(Terminal terminal)
{
    private readonly Option<string> _in = Options.In("File to read");
    private readonly Option<string> _from = new("--from")
    {
        Description = "Format of the records, if it cannot be detected: " + string.Join(", ", RecordFormats.Names),
        HelpName = "FORMAT",
    };

    private readonly Option<string> _to = PreparationStep.FormatOption();
    private readonly Option<string> _columns = new("--columns")
    {
        Description = "Names of the fields in the file, for example instruction=q,output=a", HelpName = "FIELD=NAME,...",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<string> _out = Options.Out(
        "File to write; its name sets the container: .json .jsonl .csv .tsv .parquet, compressed with a further .gz or .zst");

    private readonly Option<bool> _skipBad = Options.SkipBad();
    private readonly Option<int?> _limit = Options.Limit("Maximum number of records to convert");
    private readonly Option<bool> _json = Options.Json();
    private readonly SourceConversion _source = new();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new ConvertCommand(terminal);
        return new DocumentedCommand("convert", CommandGroup.Data, "Convert instruction data to another format",
            "data convert --in chats.json --to openai --out chats.jsonl.gz",
            "data convert --in faq.csv --columns instruction=q,output=a --to alpaca --out faq.json",
            "data convert --in raw.jsonl --from sharegpt --to sharegpt --out clean.parquet --skip-bad --json",
            "data convert --source dolly --in databricks-dolly-15k.jsonl --out dolly.json",
            "data convert --source flan-cot --in cot_data --trigger \"先思考，再决定\" --record draw.json --out cot.json")
        {
            command._in, command._from, command._to, command._columns, command._out, command._skipBad, command._limit,
            command._json, command._source.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var source = parsed.GetValue(_in) ?? throw new InputException("data convert needs --in FILE");
        var target = parsed.GetValue(_out) ?? throw new InputException("data convert needs --out FILE");
        if (_source.IsGiven(parsed))
        {
            if (parsed.GetValue(_from) is not null || parsed.GetValue(_columns)!.Length > 0)
                throw new InputException("--source uses the converter of the set; leave out --from and --columns");
            var format = parsed.GetResult(_to) is { Implicit: false } ? parsed.GetValue(_to) : null;
            _source.Run(parsed, source, target, format, parsed.GetValue(_skipBad), parsed.GetValue(_limit), terminal,
                parsed.GetValue(_json), cancel);
        }
        else Convert(source, parsed.GetValue(_from), parsed.GetValue(_columns)!, parsed.GetValue(_to)!, target,
            parsed.GetValue(_skipBad), parsed.GetValue(_limit), parsed.GetValue(_json), terminal, cancel);
        return ExitCode.Done;
    }

    /// <summary>Reads the value of <c>--columns</c>.</summary>
    private static Dictionary<string, string> Columns(string text)
    {
        var columns = new Dictionary<string, string>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
            if (part.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } field, { Length: > 0 } name]
                || !columns.TryAdd(field, name))
                throw new InputException($"--columns: found {text}, allowed is a list, for example instruction=q,output=a");
        return columns;
    }

    private static void Convert(string source, string? from, string columns, string to, string target, bool skipBad, int? limit,
        bool json, Terminal terminal, CancellationToken cancel)
    {
        if (Path.GetFullPath(source) == Path.GetFullPath(target))
            throw new InputException("--out is the input file; choose another file");
        ConversationWriter.Check(target, to);
        var clock = Stopwatch.StartNew();
        var (bad, recognized, read) = (0L, "", 0L);
        void Bad(string message)
        {
            bad++;
            terminal.Error.WriteLine($"skipped: {message}");
        }
        void Recognized(string what)
        {
            recognized = what[(source.Length + 2)..];
            terminal.Beside(json).WriteLine(what);
        }
        var options = new ReadOptions
        {
            Format = from, Columns = Columns(columns), SkipBad = skipBad, OnBadRecord = Bad, OnRecognized = Recognized,
        };
        using var progress = new RecordProgress(terminal, json);
        var conversations = InstructionFile.Read(source, options).Take(limit ?? int.MaxValue).Select(conversation =>
        {
            cancel.ThrowIfCancellationRequested();
            progress.Report(++read);
            return conversation;
        });
        var written = ConversationWriter.Write(target, conversations, to, skipBad ? Bad : null);
        progress.Dispose();
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("in", source);
                o.WriteString("recognized", recognized);
                o.WriteString("out", target);
                o.WriteString("format", to);
                o.WriteNumber("records", written);
                o.WriteNumber("skipped", bad);
                o.WriteNumber("seconds", Math.Round(clock.Elapsed.TotalSeconds, 3));
            }));
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{written:N0} records, {bad:N0} skipped, in {clock.Elapsed.TotalSeconds:0.0} s: {target}"));
    }
}
