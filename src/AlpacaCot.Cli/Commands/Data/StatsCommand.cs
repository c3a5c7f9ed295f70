using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Preparation.Statistics;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using Spectre.Console;
using static System.FormattableString;

namespace AlpacaCot.Cli.Commands.Data;

using Text = Spectre.Console.Text;

/// <summary><c>data stats</c>: counts and plots lengths, languages, tasks and openings of instruction data.</summary>
internal sealed class StatsCommand(Terminal terminal)
{
    private const int TasksShown = 12, RootsShown = 15, ObjectsShown = 4, NotesShown = 10;

    private sealed record Outcome(IReadOnlyList<FileStatistics> Files, DatasetStatistics All, double Seconds,
        IReadOnlyList<string> Figures)
    {
        public double MegabytesPerSecond => Files.Sum(file => file.Bytes) / 1e6 / Math.Max(Seconds, 1e-6);
    }

    private readonly Argument<string[]> _files = new("FILE")
    {
        Description = "Instruction data in any known format: files, folders, or patterns", Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly ReadingOptions _reading = new();

    private readonly Option<string> _tokenizer = Options.Tokenizer(
        "Also count tokens, with this tokenizer file or model folder");
    private readonly Option<string> _out = Options.Out("Folder for figures (PNG and SVG) of the collection and of lengths",
        "DIR");
    private readonly Option<bool> _skipBad = Options.SkipBad();
    private readonly Option<bool> _collection = new("--collection")
    {
        Description = "Draw the whole catalogue by its record counts; needs --out but no data",
    };

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new StatsCommand(terminal);
        return new DocumentedCommand("stats", CommandGroup.Data,
            "Count and plot languages, tasks, lengths and openings of instruction data",
            "data stats alpaca_data.json",
            "data stats alpaca_data.json belle.jsonl --tokenizer path/to/model --out figures",
            "data stats --collection --out figures",
            "data stats alpaca_data.json --json")
        {
            command._files, command._reading.All, command._tokenizer, command._out, command._skipBad, command._collection,
                command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var asJson = parsed.GetValue(_json);
        var console = terminal.Beside(asJson);
        if (parsed.GetValue(_collection) == parsed.GetValue(_files)!.Length > 0)
            throw new InputException("data stats needs either files or --collection");
        if (parsed.GetValue(_collection)) return DrawCatalogue(parsed.GetValue(_out), asJson, terminal);
        var engine = parsed.GetValue(_tokenizer) is { } path ? Tokenizer.Load(path) : null;
        var notes = 0;
        string[] files = [.. parsed.GetValue(_files)!.SelectMany(DataFiles.Find)];
        var options = _reading.Read(parsed, terminal) with
        {
            SkipBad = parsed.GetValue(_skipBad),
            OnBadRecord = message =>
            {
                if (Interlocked.Increment(ref notes) <= NotesShown)
                    console.MarkupLine($"[grey]skipped {Markup.Escape(message)}[/]");
            },
        };
        using var progress = new RecordProgress(terminal, asJson);
        var counted = FileStatistics.Of(files, progress.Following(options), engine, progress.Report, cancel);
        var all = new DatasetStatistics();
        foreach (var file in counted) all.Add(file.Counts);
        var seconds = progress.Elapsed.TotalSeconds;
        progress.Dispose();
        var figures = parsed.GetValue(_out) is { } folder ? Draw(counted, all, folder, console) : [];
        var run = new Outcome(counted, all, seconds, figures);
        if (asJson) WriteJson(run, engine is not null, terminal);
        else Show(run, engine is not null, console);
        return ExitCode.Done;
    }

    private static int DrawCatalogue(string? folder, bool asJson, Terminal terminal)
    {
        var path = Path.Combine(folder ?? throw new InputException("--collection needs --out DIR for its figure"),
            "collection");
        // Parts of other sets are counted with them.
        var note = CollectionFigure.Write(Catalogue.All.Select(source => source.Entry).Where(entry => entry.PartOf.Length == 0)
            .Select(entry => new CollectionPart(entry.Name, entry.Records ?? 0, entry.LanguageCodes)), path,
            "The instruction collection");
        if (note is not null) terminal.Beside(asJson).MarkupLine($"[yellow]note:[/] {Markup.Escape(note)}");
        if (asJson) terminal.WriteJson(w => w.Object(o => o.Strings("figures", [path + ".png", path + ".svg"])));
        else terminal.Console.MarkupLine($"figure  [bold]{Markup.Escape(path)}.png[/]");
        return ExitCode.Done;
    }

    private static List<string> Draw(IReadOnlyList<FileStatistics> files, DatasetStatistics all, string folder,
        IAnsiConsole console)
    {
        var (collection, lengths) = (Path.Combine(folder, "collection"), Path.Combine(folder, "lengths"));
        // One file has no sets to compare: its kinds of tasks are drawn.
        var note = files.Count > 1
            ? CollectionFigure.Write(files.Select(file => new CollectionPart(Name(file.Path), file.Counts.Records,
                file.Counts.Languages.Select(language => language.Code).FirstOrDefault("und"))), collection, "The collection")
            : CollectionFigure.Write(all.Tasks.Top.Take(40).Select(task => new CollectionPart(task.Item, task.Count, "")),
                collection,
                $"{Name(files[0].Path)}: kinds of tasks");
        note = LengthFigure.Write([("prompts, characters", all.PromptCharacters), ("answers, characters", all.AnswerCharacters),
            ("prompts, tokens", all.PromptTokens), ("answers, tokens", all.AnswerTokens)], lengths,
            files.Count == 1 ? Name(files[0].Path) : Invariant($"{files.Count} sets, {all.Records:N0} records")) ?? note;
        if (note is not null) console.MarkupLine($"[yellow]note:[/] {Markup.Escape(note)}");
        return [collection + ".png", collection + ".svg", lengths + ".png", lengths + ".svg"];
    }

    private static string Name(string path)
    {
        var name = Path.GetFileName(path);
        foreach (var ending in (string[])[".gz", ".zst", ".json", ".jsonl", ".csv", ".tsv", ".parquet"])
            if (name.Length > ending.Length && name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                name = name[..^ending.Length];
        return name;
    }

    private static void Show(Outcome run, bool withTokens, IAnsiConsole console)
    {
        var all = run.All;
        if (run.Files.Count > 1)
            Table(console, "files", ["", "records", "MB", "language", "mean answer"],
                run.Files.Select(file => (string[])[file.Path, Number(file.Counts.Records), Invariant($"{file.Bytes / 1e6:0.0}"),
                    file.Counts.Languages.Select(language => language.Code).FirstOrDefault("-"),
                    Number((long)file.Counts.AnswerCharacters.Mean)]));
        console.MarkupLine(Invariant($"[bold]{all.Records:N0}[/] records, {Share(all.WithInput, all)} with input, ")
            + $"{Share(all.WithSystem, all)} with a system turn; "
            + Invariant($"{all.Turns.Mean:0.0#} answers a record, at most {all.Turns.Greatest}"));
        if (run.Files.Sum(file => file.Skipped) is > 0 and var skipped)
            console.WriteLine(Invariant($"{skipped:N0} bad records skipped"));
        string[] columns = ["", "records", "share", "characters", .. withTokens ? (string[])["tokens", "tokens/character"] : []];
        Table(console, "languages", columns, all.Languages.Take(TasksShown).Select(language => (string[])[language.Code,
            Number(language.Records), Share(language.Records, all), Number(language.Characters),
            .. withTokens ? (string[])[Number(language.Tokens), Invariant($"{language.Fertility:0.000}")] : []]));
        Table(console, "tasks", ["", "records", "share"], all.Tasks.Top.Take(TasksShown)
            .Select(task => (string[])[task.Item, Number(task.Count), Share(task.Count, all)]));
        Table(console, "lengths", ["", "mean", "median", "90 %", "99 %", "longest"],
            Lengths(all, withTokens).Select(row => (string[])[row.Name, Number((long)Math.Round(row.Lengths.Mean)),
                Number(row.Lengths.Quantile(0.5)), Number(row.Lengths.Quantile(0.9)), Number(row.Lengths.Quantile(0.99)),
                Number(row.Lengths.Greatest)]));
        Table(console, "openings", ["", "records", "share", "most often with"],
            Openings(all).Select(opening => (string[])[opening.Root, Number(opening.Count),
                Share(opening.Count, all), string.Join(", ", opening.Objects.Select(o => o.Item))]));
        foreach (var figure in run.Figures) console.MarkupLine($"figure  [bold]{Markup.Escape(figure)}[/]");
        var (megabytes, speed) = (run.Files.Sum(file => file.Bytes) / 1e6, all.Records / Math.Max(run.Seconds, 1e-6));
        console.WriteLine(Invariant($"{megabytes:0.0} MB in {run.Seconds:0.00} s: {run.MegabytesPerSecond:0.0} MB/s, ")
            + Invariant($"{speed:N0} records/s; peak memory {Platform.PeakResidentBytes / 1e6:N0} MB"));
    }

    private static IEnumerable<(string Name, LengthHistogram Lengths)> Lengths(DatasetStatistics all, bool withTokens) =>
    [
        ("prompt characters", all.PromptCharacters), ("answer characters", all.AnswerCharacters),
        ("record characters", all.Characters),
        .. withTokens ? ((string, LengthHistogram)[])[("prompt tokens", all.PromptTokens), ("answer tokens", all.AnswerTokens),
            ("record tokens", all.Tokens)] : [],
    ];

    private static IEnumerable<(string Root, long Count, IReadOnlyList<(string Item, long Count)> Objects)> Openings(
        DatasetStatistics all)
    {
        var phrases = all.Phrases.Top.Select(phrase => (Parts: phrase.Item.Split(' ', 2), phrase.Count))
            .ToLookup(phrase => phrase.Parts[0]);
        return all.Roots.Top.Take(RootsShown).Select(root => (root.Item, root.Count, (IReadOnlyList<(string, long)>)
            [.. phrases[root.Item].Take(ObjectsShown).Select(phrase => (phrase.Parts[1], phrase.Count))]));
    }

    private static void Table(IAnsiConsole console, string title, string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new Style(Color.Grey) };
        foreach (var (i, column) in columns.Index())
            table.AddColumn(i == 0 ? new TableColumn($"[bold]{title}[/]") : column == "most often with" ? new TableColumn(column)
                : new TableColumn(column).RightAligned());
        foreach (var row in rows) table.AddRow([.. row.Select(cell => new Text(cell))]);
        console.Write(table);
    }

    private static void WriteJson(Outcome run, bool withTokens, Terminal terminal) => terminal.WriteJson(w => w.Object(o =>
    {
        var all = run.All;
        o.WriteNumber("records", all.Records);
        o.WriteNumber("skipped", run.Files.Sum(file => file.Skipped));
        o.WriteNumber("with_input", all.WithInput);
        o.WriteNumber("with_system", all.WithSystem);
        o.Array("files", run.Files, file => o.Object(f =>
        {
            f.WriteString("path", file.Path);
            f.WriteNumber("bytes", file.Bytes);
            f.WriteNumber("records", file.Counts.Records);
            f.WriteNumber("skipped", file.Skipped);
            f.Array("languages", file.Counts.Languages, language => Language(o, language, withTokens));
        }));
        o.Array("languages", all.Languages, language => Language(o, language, withTokens));
        o.Array("tasks", all.Tasks.Top, task => Counted(o, "task", task));
        o.Object("lengths", l =>
        {
            foreach (var (name, lengths) in Lengths(all, withTokens).Append(("answers", all.Turns)))
                l.Object(name.Replace(' ', '_'), h =>
                {
                    h.WriteNumber("sum", lengths.Sum);
                    h.WriteNumber("mean", Math.Round(lengths.Mean, 3));
                    h.WriteNumber("least", lengths.Least);
                    h.WriteNumber("median", lengths.Quantile(0.5));
                    h.WriteNumber("p90", lengths.Quantile(0.9));
                    h.WriteNumber("p99", lengths.Quantile(0.99));
                    h.WriteNumber("greatest", lengths.Greatest);
                });
        });
        o.Array("openings", Openings(all), opening => o.Object(p =>
        {
            p.WriteString("root", opening.Root);
            p.WriteNumber("records", opening.Count);
            p.Array("objects", opening.Objects, thing => Counted(o, "object", thing));
        }));
        o.Strings("figures", run.Figures);
        o.WriteNumber("seconds", Math.Round(run.Seconds, 3));
        o.WriteNumber("megabytes_per_second", Math.Round(run.MegabytesPerSecond, 1));
        o.WriteNumber("peak_memory_bytes", Platform.PeakResidentBytes);
    }));

    private static void Language(System.Text.Json.Utf8JsonWriter json, LanguageCount language, bool withTokens) =>
        json.Object(l =>
    {
        l.WriteString("language", language.Code);
        l.WriteNumber("records", language.Records);
        l.WriteNumber("characters", language.Characters);
        if (!withTokens) return;
        l.WriteNumber("tokens", language.Tokens);
        l.WriteNumber("tokens_per_character", Math.Round(language.Fertility, 4));
    });

    private static void Counted(System.Text.Json.Utf8JsonWriter json, string name, (string Item, long Count) counted) =>
        json.Object(c =>
    {
        c.WriteString(name, counted.Item);
        c.WriteNumber("records", counted.Count);
    });

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Share(long part, DatasetStatistics all) =>
        Invariant($"{100.0 * part / Math.Max(1, all.Records):0.0} %");
}
