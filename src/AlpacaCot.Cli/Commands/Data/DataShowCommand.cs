using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data show</c>: prints a set, with samples and statistics if its data is on this machine.</summary>
internal sealed class DataShowCommand(Terminal terminal)
{
    private const int TextShown = 300;   // characters of a turn

    private readonly Argument<string> _name = new("NAME")
    {
        Description = "Name or alias of a set, a combination such as alpaca-cot, or a file, folder or pattern",
    };

    private readonly Option<string> _in = new("--in")
    {
        Description = "File or folder of the set, if it is not in the data folder", HelpName = "PATH",
    };

    private readonly Option<int> _samples = Options.Whole("--samples", "Number of random sample records to show", "N", 2, 0);

    private readonly Option<int?> _limit = Options.Limit("Read only the first N records");
    private readonly Option<bool> _skipBad = Options.SkipBad(), _json = Options.Json();
    private readonly ReadingOptions _reading = new();
    private readonly CatalogueOptions _catalogue = new();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new DataShowCommand(terminal);
        return new DocumentedCommand("show", CommandGroup.Data, "Show a set: origin, licence, statistics and sample records",
            "data show alpaca-cleaned", "data show dolly --in databricks-dolly-15k.jsonl --samples 3", "data show belle --json")
        {
            command._name, command._in, command._reading.All, command._samples, command._limit, command._skipBad, command._json,
            command._catalogue.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (name, own) = (parsed.GetValue(_name)!, _catalogue.Own(parsed));
        var sources = Catalogue.TryResolve(name, own) is null && DataFiles.Exist(name)
            ? [new ColumnSource(new CatalogueEntry(name, name, null), new Dictionary<string, string>(), name)]
            : Catalogue.Resolve(name, own);
        if (sources.Count > 1 && parsed.GetValue(_in) is not null)
            throw new InputException($"--in needs a single set; {parsed.GetValue(_name)} is a combination of {sources.Count}");
        var asJson = parsed.GetValue(_json);
        var shown = sources.Select(source =>
        {
            var data = parsed.GetValue(_in) is { } path ? [path] : _catalogue.DataOf(source, parsed);
            var skipped = 0L;
            using var progress = new RecordProgress(terminal, asJson);
            var reading = progress.Following(_reading.Read(parsed, terminal) with
            {
                SkipBad = parsed.GetValue(_skipBad), OnBadRecord = _ => skipped++,
            });
            var look = data.Count == 0 ? null : Look.At(
                progress.Follow(source.Convert(data, new ConvertOptions { Reading = reading }), cancel),
                parsed.GetValue(_samples), parsed.GetValue(_limit));
            return (source.Entry, data, look, skipped, time: progress.TimeAndSpeed);
        }).ToList();
        if (asJson)
            terminal.WriteJson(w => w.Object(o => o.Array("sets", shown, s => o.Object(set =>
            {
                CatalogueOptions.Write(set, s.Entry, s.data);
                if (s.look is not { } look) return;
                set.Object("statistics", stats => look.Write(stats, s.skipped));
                set.Array("samples", look.Samples, sample => set.Object(record =>
                {
                    record.WriteString("record", sample.Origin);
                    record.Array("turns", sample.Turns, turn => record.Object(t =>
                    {
                        t.WriteString("role", turn.Role.ToString().ToLowerInvariant());
                        t.WriteString("text", turn.Text);
                        if (turn.Input.Length > 0) t.WriteString("input", turn.Input);
                        if (turn.Reasoning.Length > 0) t.WriteString("reasoning", turn.Reasoning);
                        if (turn.Calls.Count > 0) t.Strings("tool_calls", turn.Calls.Select(ConversationText.Call));
                        if (turn.Media.Count > 0) t.Strings("other_parts", turn.Media.Select(part => part.Kind));
                    }));
                }));
            }))));
        else
            foreach (var (entry, data, look, skipped, time) in shown) Show(entry, data, look, skipped, time, terminal.Console);
        return ExitCode.Done;
    }

    private static void Show(CatalogueEntry entry, IReadOnlyList<string> data, Look? look, long skipped, string time,
        IAnsiConsole console)
    {
        console.WriteLine();
        console.MarkupLine($"[bold]{Markup.Escape(entry.Name)}[/]  {Markup.Escape(entry.Title)}");
        Line("about", entry.Type);
        Line("records", entry.Records?.ToString("N0", CultureInfo.InvariantCulture) ?? "not counted");
        string[] codes = [entry.LanguageCodes, entry.TaskCodes, entry.GenerationCode];
        Line("kind", string.Join(", ", codes.Where(code => code.Length > 0)));
        Line("published", entry.Published);
        Line("copy", entry.Copy);
        Line("raw form", entry.RawFormat);
        Line("licence", entry.Licence);
        Line("part of", entry.PartOf);
        Line("also", string.Join(", ", entry.Aliases));
        Line("tags", string.Join(", ", entry.Tags));
        if (look is null)
        {
            Line("data", "not here");
            if (entry.Repositories.Count == 0) return;
            console.MarkupLine($"  {"next",-10} [green]alpaca-cot data download {Markup.Escape(entry.Name)}[/]");
            return;
        }
        foreach (var path in data) Line("data", path);
        Line("found", look.Summary(skipped));
        Line("read in", time);
        foreach (var sample in look.Samples)
        {
            console.WriteLine();
            console.MarkupLine($"  [grey]{Markup.Escape(sample.Origin)}[/]");
            foreach (var turn in sample.Turns)
            {
                console.MarkupLine($"  [aqua]{turn.Role.ToString().ToLowerInvariant()}[/]  {Markup.Escape(Cut(turn.Text))}");
                if (turn.Input.Length > 0) console.MarkupLine($"  [aqua]input[/]  {Markup.Escape(Cut(turn.Input))}");
                if (turn.Reasoning.Length > 0) console.MarkupLine($"  [aqua]reasoning[/]  {Markup.Escape(Cut(turn.Reasoning))}");
                foreach (var call in turn.Calls)
                    console.MarkupLine($"  [aqua]tool call[/]  {Markup.Escape(Cut(ConversationText.Call(call)))}");
                foreach (var part in turn.Media) console.MarkupLine($"  [aqua]part {part.Number}[/]  {Markup.Escape(part.Kind)}");
            }
        }

        void Line(string name, string value)
        {
            if (value.Length > 0) console.MarkupLine($"  [grey]{name,-10}[/] {Markup.Escape(value)}");
        }
    }

    private static string Cut(string text)
    {
        var line = text.ReplaceLineEndings("\u23CE").Trim();
        if (line.Length <= TextShown) return line;
        return line[..(char.IsHighSurrogate(line[TextShown - 1]) ? TextShown - 1 : TextShown)] + " ...";
    }

    /// <summary>Statistics and random samples of a set.</summary>
    private sealed class Look
    {
        private readonly List<(long Number, Conversation Record)> _kept = [];
        private long _records, _turns, _several, _inputs, _rejected, _asked, _answered;

        public IEnumerable<Conversation> Samples => _kept.Select(k => k.Record);

        public static Look At(IEnumerable<Conversation> records, int samples, int? limit)
        {
            var look = new Look();
            var random = new DeterministicRandom(42);
            foreach (var record in limit is { } most ? records.Take(most) : records)
            {
                look.Add(record);
                // Reservoir sampling: every record is equally likely to stay, however many there are.
                if (look._kept.Count < samples) look._kept.Add((look._records, record));
                else if (samples > 0 && random.NextDouble() * look._records < samples)
                    look._kept[random.NextInt(samples)] = (look._records, record);
            }
            look._kept.Sort((a, b) => a.Number.CompareTo(b.Number));
            return look;
        }

        public string Summary(long skipped) => string.Create(CultureInfo.InvariantCulture,
            $"{_records:N0} records, {_turns:N0} turns; {_several:N0} with several rounds, {_inputs:N0} with input"
            + $"{(_rejected > 0 ? $", {_rejected:N0} with a rejected answer" : "")}; on average {Mean(_asked):0} characters "
            + $"asked, {Mean(_answered):0} answered{(skipped > 0 ? $"; {skipped:N0} bad records skipped" : "")}");

        public void Write(System.Text.Json.Utf8JsonWriter json, long skipped)
        {
            json.WriteNumber("records", _records);
            json.WriteNumber("skipped", skipped);
            json.WriteNumber("turns", _turns);
            json.WriteNumber("several_rounds", _several);
            json.WriteNumber("with_input", _inputs);
            json.WriteNumber("with_rejected", _rejected);
            json.WriteNumber("mean_characters_asked", Math.Round(Mean(_asked), 1));
            json.WriteNumber("mean_characters_answered", Math.Round(Mean(_answered), 1));
        }

        private double Mean(long characters) => (double)characters / Math.Max(1, _records);

        private void Add(Conversation record)
        {
            _records++;
            _turns += record.Turns.Count;
            if (record.Turns.Count(t => t.Role == Role.Assistant) > 1) _several++;
            if (record.Turns.Any(t => t.Input.Length > 0)) _inputs++;
            if (record.Rejected is not null) _rejected++;
            foreach (var turn in record.Turns)
                if (turn.Role == Role.Assistant) _answered += ConversationText.Content(turn).Length;
                else _asked += turn.Text.Length + turn.Input.Length;
        }
    }
}
