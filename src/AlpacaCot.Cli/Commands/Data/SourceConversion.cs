using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data convert --source</c>: reads a published set with its own converter.</summary>
internal sealed class SourceConversion
{
    private readonly Option<string> _source = new("--source")
    {
        Description = "Set of the collection that --in contains, in the format of its authors (see data list)", HelpName = "SET",
    };

    private readonly Option<string> _templates = new("--templates")
    {
        Description = "flan-cot: file with templates. Default: the built-in ones", HelpName = "FILE",
    };

    private readonly Option<int> _seed = Options.Seed();
    private readonly Option<string> _replay = new("--replay")
    {
        Description = "flan-cot: reuse the templates recorded with --record", HelpName = "FILE",
    };

    private readonly Option<string> _record = new("--record")
    {
        Description = "flan-cot: record which template each record gets, for --replay", HelpName = "FILE",
    };

    private readonly Option<string> _newlines = new Option<string>("--newlines")
    {
        Description = "flan-cot: turn the two characters \\n into a line break, or keep them as the original collection did",
        DefaultValueFactory = _ => "decode",
    }.Among(["decode", "keep"]);

    private readonly Option<string> _quotes = new Option<string>("--csv-quotes")
    {
        Description = "flan-cot: treat quotes as text, or remove them like Python's csv, as the original collection did",
        DefaultValueFactory = _ => "none",
    }.Among(["none", "python"]);

    private readonly Option<string> _trigger = new("--trigger")
    {
        Description = "flan-cot: text to append to every instruction, for example \"先思考，再决定\"", HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };

    private readonly CatalogueOptions _catalogue = new();

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All =>
        [_source, _templates, _seed, _replay, _record, _newlines, _quotes, _trigger, .. _catalogue.Sets];

    /// <summary>Whether the command line names a set.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_source) is not null;

    /// <summary>Converts a set.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="path">The set's file or folder.</param>
    /// <param name="output">The file to write; for flan-cot also a folder, which gets one file per set.</param>
    /// <param name="format">The format to write; null if the command line names none.</param>
    /// <param name="skipBad">Whether bad records are skipped.</param>
    /// <param name="limit">The maximum number of records to convert.</param>
    /// <param name="terminal">Where to report.</param>
    /// <param name="json">Whether to report as JSON.</param>
    /// <param name="cancel">Cancels the conversion.</param>
    public void Run(ParseResult parsed, string path, string output, string? format, bool skipBad, int? limit, Terminal terminal,
        bool json, CancellationToken cancel)
    {
        using var progress = new RecordProgress(terminal, json);
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
            Reading = progress.Following(new() { SkipBad = skipBad, OnBadRecord = Bad }),
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
            throw new InputException($"{option} is for flan-cot only; leave it out for {source.Entry.Name}");

        foreach (var (from, to) in Parts(source, path, output))
        {
            var conversations = source.Convert(from, options).Select(conversation =>
            {
                cancel.ThrowIfCancellationRequested();
                progress.Report(++read);
                return conversation;
            }).Take(limit ?? int.MaxValue);
            // The original collection published Chain of Thought as one line of JSON; see UnifiedJson.
            if (source is FlanCot && format is null && to.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
                OutputFile.Write(to, stream => written += UnifiedJson.Write(stream, conversations));
            else written += ConversationWriter.Write(to, conversations, format ?? "alpaca", skipBad ? Bad : null);
        }
        progress.Dispose();
        if (read == 0) terminal.Error.WriteLine($"{path} contains no records of {source.Entry.Name}");
        if (parsed.GetValue(_record) is { } record) draw.Save(record);

        string Draw(string set) => options.Cot.Replay?.Sets.Contains(set) == true ? "replayed"
            : $"drawn with seed {options.Seed}";
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
                o.WriteNumber("seconds", Math.Round(progress.Elapsed.TotalSeconds, 3));
                if (drawn.Count > 0)
                    o.Array("templates", drawn, set => o.Object(d =>
                    {
                        d.WriteString("set", set.Key);
                        d.WriteNumber("records", set.Value);
                        d.WriteString("draw", Draw(set.Key));
                    }));
            }));
        else
        {
            foreach (var (set, count) in drawn)
                terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{set,-12} {count,7:N0} records, templates {Draw(set)}"));
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{source.Entry.Name}: {written:N0} records, "
                + $"{bad:N0} skipped{(left > 0 ? $", {left:N0} without an answer dropped" : "")}, "
                + $"in {progress.TimeAndSpeed}: {output}"));
        }
    }

    /// <summary>The input and output files: flan-cot is written set by set into a folder.</summary>
    private static IEnumerable<(string From, string To)> Parts(IInstructionSource source, string path, string output)
    {
        var folder = Directory.Exists(output) || output.EndsWith('/') || output.EndsWith(Path.DirectorySeparatorChar);
        if (!folder) return [(path, output)];
        if (source is not FlanCot cot) throw new InputException($"{output} is a folder; --out must be a file");
        Directory.CreateDirectory(output);
        return cot.Files(path).Select(file => (file, Path.Combine(output, $"{FlanCot.SetOf(file)}_train.json")));
    }

    private string? ChainOfThoughtOnly(ParseResult parsed) =>
        new Option[] { _templates, _replay, _record, _newlines, _quotes, _trigger }
            .FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;
}
