using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data convert</c>: converts instruction data to another format.</summary>
internal sealed class ConvertCommand(Terminal terminal)
{
    private readonly Option<string> _in = Options.In("File to read, or a folder, or a pattern such as \"data/*.jsonl\"");
    private readonly ReadingOptions _reading = new();
    private readonly Option<string> _to = PreparationStep.FormatOption();
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
            "data convert --in raw.jsonl --format sharegpt --to sharegpt --out clean.parquet --skip-bad --json",
            "data convert --source dolly --in databricks-dolly-15k.jsonl --out dolly.json",
            "data convert --source flan-cot --in cot_data --trigger \"先思考，再决定\" --record draw.json --out cot.json")
        {
            command._in, command._reading.All, command._to, command._out, command._skipBad, command._limit,
            command._json, command._source.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var source = parsed.GetValue(_in) ?? throw new InputException("data convert needs --in FILE");
        var target = parsed.GetValue(_out) ?? throw new InputException("data convert needs --out FILE");
        if (_source.IsGiven(parsed))
        {
            if (_reading.IsGiven(parsed))
                throw new InputException("--source uses the converter of the set; leave out --format and --columns");
            var format = parsed.GetResult(_to) is { Implicit: false } ? parsed.GetValue(_to) : null;
            _source.Run(parsed, source, target, format, parsed.GetValue(_skipBad), parsed.GetValue(_limit), terminal,
                parsed.GetValue(_json), cancel);
        }
        else Convert(source, _reading.Read(parsed, terminal), parsed.GetValue(_to)!, target,
            parsed.GetValue(_skipBad), parsed.GetValue(_limit), parsed.GetValue(_json), terminal, cancel);
        return ExitCode.Done;
    }

    private static void Convert(string source, ReadOptions reading, string to, string target, bool skipBad, int? limit,
        bool json, Terminal terminal, CancellationToken cancel)
    {
        ConversationWriter.Check(target, to);
        var files = DataFiles.Find(source);
        if (files.Any(file => Path.GetFullPath(file) == Path.GetFullPath(target)))
            throw new InputException("--out is the input file; choose another file");
        var (bad, recognized, read) = (0L, "", 0L);
        void Bad(string message)
        {
            bad++;
            terminal.Error.WriteLine($"skipped: {message}");
        }
        void Recognized(string what)
        {
            if (recognized.Length == 0) recognized = what[(files[0].Length + 2)..];
            terminal.Beside(json).WriteLine(what);
        }
        using var progress = new RecordProgress(terminal, json);
        var options = progress.Following(reading with { SkipBad = skipBad, OnBadRecord = Bad, OnRecognized = Recognized });
        var conversations = DataFiles.Read(source, options).Take(limit ?? int.MaxValue).Select(conversation =>
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
                o.WriteNumber("seconds", Math.Round(progress.Elapsed.TotalSeconds, 3));
            }));
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{written:N0} records, {bad:N0} skipped, in {progress.TimeAndSpeed}: {target}"));
    }
}
