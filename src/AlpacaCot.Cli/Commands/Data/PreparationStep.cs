using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary>The common part of the commands that filter records: input files, output file, report and dry run.</summary>
internal sealed class PreparationStep(Terminal terminal)
{
    /// <summary>The format in which records are written.</summary>
    public static Option<string> FormatOption() => new("--to")
    {
        Description = "Format of the records to write; the file name sets the container",
        HelpName = string.Join('|', ConversationWriter.Formats),
        DefaultValueFactory = _ => ConversationWriter.Formats[0],
    };

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Option<string[]> _input = new("--in")
    {
        Description = "Instruction file, folder, or pattern; several are read in order", HelpName = "FILE", Required = true,
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string> _output = Options.Out("File for the records that are kept");
    private readonly Option<string> _format = FormatOption();
    private readonly Option<string> _report = new("--report")
    {
        Description = "File for every removed or changed record with the reason, one JSON object per line", HelpName = "FILE",
    };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Count and report, but write no records" };
    private readonly Option<bool> _skipBad = Options.SkipBad();
    private readonly Option<bool> _json = Options.Json();
    private readonly ReadingOptions _reading = new();

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_input, .. _reading.All, _output, _format, _report, _dryRun, _skipBad, _json];

    /// <summary>Streams the records through a filter into the output file.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="filter">Returns the records that are kept and reports each finding.</param>
    /// <param name="cancel">Stops the work; the output file is not written then.</param>
    /// <param name="answers">What is read of records without an answer.</param>
    public Outcome Run(ParseResult parsed,
        Func<IEnumerable<Conversation>, Action<RecordFinding>, IEnumerable<Conversation>> filter, CancellationToken cancel,
        AnswerRule answers = AnswerRule.Stated)
    {
        string[] inputs = [.. parsed.GetValue(_input)!.SelectMany(DataFiles.Find)];
        var (output, report) = (parsed.GetValue(_output), parsed.GetValue(_report));
        var dry = parsed.GetValue(_dryRun);
        if (output is null && !dry)
            throw new InputException("no output file is given; add --out FILE, or --dry-run");
        if (output is not null && inputs.Append(report).Any(other => other is not null
            && Path.GetFullPath(other) == Path.GetFullPath(output)))
            throw new InputException("--out is also an input file or the report; choose another file");
        // A dry run refuses a wrong format too.
        ConversationWriter.Check(output ?? "records.jsonl", parsed.GetValue(_format)!);
        var outcome = new Outcome { Output = dry ? null : output, Report = report };
        using var progress = new RecordProgress(terminal, parsed.GetValue(_json));
        var reading = progress.Following(Reading(_reading.Read(parsed, terminal) with { Answers = answers },
            parsed.GetValue(_skipBad), _ => outcome.Bad++));
        if (report is null) Stream(_ => { });
        else
            OutputFile.Write(report, stream =>
            {
                using var json = new Utf8JsonWriter(stream, Readable);
                Stream(finding => WriteLine(finding, json, stream));
            });
        outcome.Read = progress.Count;
        (outcome.Seconds, outcome.TimeAndSpeed) = (progress.Elapsed.TotalSeconds, progress.TimeAndSpeed);
        return outcome;

        void Stream(Action<RecordFinding> onFinding)
        {
            var records = progress.Follow(inputs.SelectMany(file => InstructionFile.Read(file, reading)), cancel);
            var kept = filter(records, finding =>
            {
                outcome.Count(finding);
                onFinding(finding);
            }).Select(record =>
            {
                outcome.Kept++;
                return record;
            });
            if (outcome.Output is null) foreach (var _ in kept) { }
            else ConversationWriter.Write(outcome.Output, kept, parsed.GetValue(_format)!);
        }
    }

    /// <summary>How files are read: a bad record is an error, or is reported once and counted.</summary>
    public ReadOptions Reading(ReadOptions reading, bool skipBad, Action<string> onBad)
    {
        var named = new HashSet<string>();
        return reading with
        {
            SkipBad = skipBad,
            OnBadRecord = message =>
            {
                if (!named.Add(message)) return;
                terminal.Error.WriteLine($"skipped: {message}");
                onBad(message);
            },
        };
    }

    /// <summary>Prints the result: the common fields and those of the command.</summary>
    public void Print(ParseResult parsed, Outcome outcome, Action<Utf8JsonWriter> ownFields, IEnumerable<string> ownLines)
    {
        if (parsed.GetValue(_json))
        {
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteNumber("read", outcome.Read);
                o.WriteNumber("kept", outcome.Kept);
                o.WriteNumber("removed", outcome.Read - outcome.Kept);
                o.WriteNumber("skipped", outcome.Bad);
                ownFields(o);
                o.WriteBoolean("dry_run", parsed.GetValue(_dryRun));
                o.WriteString("out", outcome.Output);
                o.WriteString("report", outcome.Report);
                o.WriteNumber("seconds", Math.Round(outcome.Seconds, 3));
            }));
            return;
        }
        foreach (var line in ownLines) terminal.Out.WriteLine(line);
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{outcome.Read:N0} records read, {outcome.Kept:N0} kept, ")
            + string.Create(CultureInfo.InvariantCulture, $"{outcome.Read - outcome.Kept:N0} removed in {outcome.TimeAndSpeed}")
            + (outcome.Output is null ? "" : $": {outcome.Output}"));
        if (outcome.Report is not null) terminal.Out.WriteLine($"report: {outcome.Report}");
    }

    private static void WriteLine(RecordFinding finding, Utf8JsonWriter json, Stream lines)
    {
        json.Object(o =>
        {
            o.WriteString("record", finding.Record);
            o.WriteString("step", finding.Step);
            o.WriteString("action", finding.Action == FindingAction.Removed ? "removed" : "repaired");
            o.WriteString("reason", finding.Reason);
            if (finding.Other is not null) o.WriteString("other", finding.Other);
            if (finding.Score is { } score) o.WriteNumber("score", Math.Round(score, 4));
            o.WriteString("excerpt", finding.Excerpt);
        });
        json.Flush();
        lines.WriteByte((byte)'\n');
        json.Reset();
    }

    /// <summary>Counts of records read, kept, skipped and changed.</summary>
    public sealed class Outcome
    {
        private readonly Dictionary<(string Step, FindingAction Action), long> _counts = [];

        public long Read { get; set; }
        public long Kept { get; set; }
        public long Bad { get; set; }
        public long Findings { get; private set; }
        public double Seconds { get; set; }
        public string TimeAndSpeed { get; set; } = "";
        public string? Output { get; init; }
        public string? Report { get; init; }

        public long Of(string step, FindingAction action = FindingAction.Removed) => _counts.GetValueOrDefault((step, action));

        public void Count(RecordFinding finding)
        {
            Findings++;
            _counts[(finding.Step, finding.Action)] = Of(finding.Step, finding.Action) + 1;
        }
    }
}
