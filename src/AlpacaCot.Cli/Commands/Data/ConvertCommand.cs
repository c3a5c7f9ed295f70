using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data convert</c>: a file of one format to a file of another.</summary>
internal static class ConvertCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var input = new Option<string>("--in") { Description = "The file to read", HelpName = "FILE" };
        var from = new Option<string>("--from")
        {
            Description = "Format of its records, where the content does not say it: " + string.Join(", ", RecordFormats.Names),
            HelpName = "FORMAT",
        };
        var to = new Option<string>("--to")
        {
            Description = "Format to write", HelpName = string.Join('|', ConversationWriter.Formats),
            DefaultValueFactory = _ => "alpaca",
        };
        var columns = ColumnOption();
        var output = Options.Out(
            "The file to write; its name says how: .json .jsonl .csv .tsv .parquet, then .gz or .zst to pack it");
        var skipBad = new Option<bool>("--skip-bad") { Description = "Count and name records that cannot be used, and go on" };
        var limit = Options.Limit("The most records to convert");
        var json = Options.Json();
        var set = new SourceConversion();
        var verb = new DocumentedCommand("convert", CommandGroup.Data, "Write instruction data in another format",
            "data convert --in chats.json --to openai --out chats.jsonl.gz",
            "data convert --in faq.csv --columns instruction=q,output=a --to alpaca --out faq.json",
            "data convert --in raw.jsonl --from sharegpt --to sharegpt --out clean.parquet --skip-bad --json",
            "data convert --source dolly --in databricks-dolly-15k.jsonl --out dolly.json",
            "data convert --source flan-cot --in cot_data --trigger \"先思考，再决定\" --record draw.json --out cot.json")
        {
            input, from, to, columns, output, skipBad, limit, json,
        };
        set.AddTo(verb);
        verb.SetAction((parsed, cancel) =>
        {
            var source = parsed.GetValue(input) ?? throw new InputException("data convert takes --in FILE");
            var target = parsed.GetValue(output) ?? throw new InputException("data convert takes --out FILE");
            if (set.IsGiven(parsed))
            {
                if (parsed.GetValue(from) is not null || parsed.GetValue(columns)!.Length > 0)
                    throw new InputException("--source reads a set by its own converter; leave out --from and --columns");
                var format = parsed.GetResult(to) is { Implicit: false } ? parsed.GetValue(to) : null;
                set.Run(parsed, source, target, format, parsed.GetValue(skipBad), parsed.GetValue(limit), terminal,
                    parsed.GetValue(json),
                    cancel);
            }
            else Convert(source, parsed.GetValue(from), parsed.GetValue(columns)!, parsed.GetValue(to)!, target,
                parsed.GetValue(skipBad),
                parsed.GetValue(limit), parsed.GetValue(json), terminal, cancel);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    /// <summary>Which column of a file is which field.</summary>
    public static Option<string> ColumnOption() => new("--columns")
    {
        Description = "The file's own names, as in instruction=q,output=a", HelpName = "FIELD=NAME,...",
        DefaultValueFactory = _ => "",
    };

    /// <summary>Reads the value of <see cref="ColumnOption"/>.</summary>
    public static Dictionary<string, string> Columns(string text)
    {
        var columns = new Dictionary<string, string>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
            if (part.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } field, { Length: > 0 } name]
                || !columns.TryAdd(field, name))
                throw new InputException($"--columns: found {text}, allowed is a list such as instruction=q,output=a");
        return columns;
    }

    private static void Convert(string source, string? from, string columns, string to, string target, bool skipBad, int? limit,
        bool json, Terminal terminal, CancellationToken cancel)
    {
        if (Path.GetFullPath(source) == Path.GetFullPath(target))
            throw new InputException("--out is the file that is read; name another one");
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
