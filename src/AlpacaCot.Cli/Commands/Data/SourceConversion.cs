using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data convert --source</c>: a set as its authors publish it, read by its own converter.</summary>
internal sealed class SourceConversion
{
    private readonly Option<string> _source = new("--source")
    {
        Description = "Read --in as a set of the collection in its authors' form; see data list", HelpName = "SET",
    };

    private readonly Option<string> _templates = new("--templates")
    {
        Description = "Chain of Thought: a file of templates, in place of this project's", HelpName = "FILE",
    };

    private readonly Option<int> _seed = Options.Seed();
    private readonly Option<string> _replay = new("--replay")
    {
        Description = "Chain of Thought: repeat a recorded draw of templates", HelpName = "FILE",
    };

    private readonly Option<string> _record = new("--record")
    {
        Description = "Chain of Thought: record the draw, for --replay", HelpName = "FILE",
    };

    private readonly Option<string> _newlines = new Option<string>("--newlines")
    {
        Description = "Chain of Thought: the characters \\n become a line end, or are kept as the original collection did",
        DefaultValueFactory = _ => "decode",
    }.AcceptOnlyFromAmong("decode", "keep");

    private readonly Option<string> _quotes = new Option<string>("--csv-quotes")
    {
        Description = "Chain of Thought: quotes are text, or undone as Python's csv does and the original collection did",
        DefaultValueFactory = _ => "none",
    }.AcceptOnlyFromAmong("none", "python");

    private readonly Option<string> _trigger = new("--trigger")
    {
        Description = "Chain of Thought: append a text to every instruction, as in \"先思考，再决定\"", HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };

    private readonly CatalogueOptions _catalogue = new();

    public void AddTo(Command verb)
    {
        Option[] options = [_source, _templates, _seed, _replay, _record, _newlines, _quotes, _trigger];
        foreach (var option in options) verb.Add(option);
        _catalogue.AddTo(verb, withFolder: false);
    }

    /// <summary>Whether the command line names a set.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_source) is not null;

    /// <summary>Converts a set.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="path">The set's file or folder.</param>
    /// <param name="output">The file to write; of Chain of Thought also a folder, which gets a file for each set.</param>
    /// <param name="format">The format to write; null where the command line names none.</param>
    /// <param name="skipBad">Whether bad records are left out.</param>
    /// <param name="limit">The most records to convert.</param>
    /// <param name="terminal">Where to report.</param>
    /// <param name="json">Whether to report as JSON.</param>
    /// <param name="cancel">Set when the user asks to stop.</param>
    public void Run(ParseResult parsed, string path, string output, string? format, bool skipBad, int? limit, Terminal terminal,
        bool json, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var source = Catalogue.Find(parsed.GetValue(_source)!, _catalogue.Own(parsed));
        var (read, written, bad, left) = (0L, 0L, 0L, 0L);
        void Bad(string message)
        {
            bad++;
            terminal.Error.WriteLine($"skipped: {message}");
        }
        var drawn = new OrderedDictionary<string, long>();
        var draw = new CotDraw();
        var options = new ConvertOptions
        {
            Reading = new() { SkipBad = skipBad, OnBadRecord = Bad },
            Seed = parsed.GetValue(_seed),
            OnLeftOut = _ => left++,
            Cot = new()
            {
                Templates = parsed.GetValue(_templates) is { } templates ? CotTemplates.Load(templates) : CotTemplates.Shipped,
                Replay = parsed.GetValue(_replay) is { } replay ? CotDraw.Load(replay) : null,
                DecodeNewlines = parsed.GetValue(_newlines) == "decode",
                PythonQuotes = parsed.GetValue(_quotes) == "python",
                Trigger = parsed.GetValue(_trigger)!,
                OnDraw = (set, template) =>
                {
                    drawn[set] = drawn.GetValueOrDefault(set) + 1;
                    draw.Add(set, template);
                },
            },
        };
        if (source is not FlanCot && ChainOfThoughtOnly(parsed) is { } option)
            throw new InputException($"{option} is for Chain of Thought; {source.Entry.Name} is read without it");

        var progress = new RecordProgress(terminal, json);
        foreach (var (from, to) in Parts(source, path, output))
        {
            var conversations = source.Convert(from, options).Select(conversation =>
            {
                cancel.ThrowIfCancellationRequested();
                progress.Report(++read);
                return conversation;
            }).Take(limit ?? int.MaxValue);
            // What the original collection published of Chain of Thought is one line of JSON; see UnifiedJson.
            if (source is FlanCot && format is null && to.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
                OutputFile.Write(to, stream => written += UnifiedJson.Write(stream, conversations));
            else written += ConversationWriter.Write(to, conversations, format ?? "alpaca", skipBad ? Bad : null);
        }
        progress.Dispose();
        if (read == 0) terminal.Error.WriteLine($"{path} holds no record of {source.Entry.Name} to convert");
        if (parsed.GetValue(_record) is { } record) draw.Save(record);

        string How(string set) => options.Cot.Replay?.Sets.Contains(set) == true ? "replayed" : $"drawn with seed {options.Seed}";
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("source", source.Entry.Name);
                o.WriteString("in", path);
                o.WriteString("out", output);
                o.WriteString("format", format ?? "alpaca");
                o.WriteNumber("records", written);
                o.WriteNumber("skipped", bad);
                o.WriteNumber("nothing_to_learn", left);
                o.WriteNumber("seconds", Math.Round(clock.Elapsed.TotalSeconds, 3));
                if (drawn.Count > 0)
                    o.Array("templates", drawn, set => o.Object(d =>
                    {
                        d.WriteString("set", set.Key);
                        d.WriteNumber("records", set.Value);
                        d.WriteString("draw", How(set.Key));
                    }));
            }));
        else
        {
            foreach (var (set, count) in drawn)
                terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{set,-12} {count,7:N0} records, templates {How(set)}"));
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{source.Entry.Name}: {written:N0} records, "
                + $"{bad:N0} skipped{(left > 0 ? $", {left:N0} without an answer left out" : "")}, "
                + $"in {clock.Elapsed.TotalSeconds:0.0} s: {output}"));
        }
    }

    /// <summary>What is read and written in one go: Chain of Thought into a folder goes set by set.</summary>
    private static IEnumerable<(string From, string To)> Parts(IInstructionSource source, string path, string output)
    {
        var folder = Directory.Exists(output) || output.EndsWith('/') || output.EndsWith(Path.DirectorySeparatorChar);
        if (!folder) return [(path, output)];
        if (source is not FlanCot cot) throw new InputException($"{output} is a folder; --out names a file");
        Directory.CreateDirectory(output);
        return cot.Files(path).Select(file => (file, Path.Combine(output, $"{FlanCot.SetOf(file)}_train.json")));
    }

    private string? ChainOfThoughtOnly(ParseResult parsed) =>
        new Option[] { _templates, _replay, _record, _newlines, _quotes, _trigger }
            .FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;
}
