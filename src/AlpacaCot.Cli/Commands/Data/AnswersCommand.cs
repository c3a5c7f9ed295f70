using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data answers</c>: splits reasoning outputs into rationale and final answer.</summary>
internal sealed class AnswersCommand(Terminal terminal)
{
    private readonly Option<string> _in = Options.In("Instruction file with Chain-of-Thought outputs", required: true);
    private readonly Option<string> _out = Options.Out(
        "Output file, one JSON object per record: instruction, input, output, rationale, answer", required: true);

    private readonly Option<string> _templates = Options.File("--templates",
        "Templates that the outputs were made with, if they are known");

    private readonly ReadingOptions _reading = new();
    private readonly Option<bool> _skipBad = Options.SkipBad(), _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new AnswersCommand(terminal);
        return new DocumentedCommand("answers", CommandGroup.Data, "Split reasoning outputs into rationale and final answer",
            "data answers --in CoT_data.json --out answers.jsonl",
            "data answers --in cot.json --templates flan.json --out answers.jsonl --json")
        {
            command._in, command._reading.All, command._out, command._templates, command._skipBad, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (path, to) = (parsed.GetValue(_in)!, parsed.GetValue(_out)!);
        var known = parsed.GetValue(_templates) is { } file ? CotTemplates.Load(file) : null;
        var (bad, found) = (0L, 0L);
        using var progress = new RecordProgress(terminal, parsed.GetValue(_json));
        var reading = progress.Following(_reading.Read(parsed, terminal) with
        {
            SkipBad = parsed.GetValue(_skipBad), OnBadRecord = _ => bad++,
        });
        OutputFile.Write(to, stream =>
        {
            foreach (var record in progress.Follow(DataFiles.Read(path, reading), cancel))
                if (Write(stream, record, known)) found++;
        });
        var count = progress.Count;
        progress.Dispose();
        if (parsed.GetValue(_json))
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("in", path);
                o.WriteString("out", to);
                o.WriteNumber("records", count);
                o.WriteNumber("answers", found);
                o.WriteNumber("skipped", bad);
            }));
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{found:N0} of {count:N0} records "
                + $"have a final answer{(bad > 0 ? $", {bad:N0} skipped" : "")}, in {progress.TimeAndSpeed}: {to}"));
        return ExitCode.Done;
    }

    /// <summary>Writes a record; returns whether its last answer could be split.</summary>
    private static bool Write(Stream stream, Conversation record, CotTemplates? templates)
    {
        var said = record.Turns.LastOrDefault(t => t.Role == Role.Assistant)?.Text
            ?? throw new InputException($"{record.Origin}: the record has no answer");
        var asked = record.Turns.LastOrDefault(t => t.Role == Role.User);
        var parts = CotAnswer.Split(said, templates);
        using (var w = new Utf8JsonWriter(stream,
            new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            w.Object(o =>
            {
                o.WriteString("instruction", asked?.Text ?? "");
                o.WriteString("input", asked?.Input ?? "");
                o.WriteString("output", said);
                o.WriteString("rationale", parts?.Rationale);
                o.WriteString("answer", parts?.Answer);
            });
        stream.WriteByte((byte)'\n');
        return parts is not null;
    }
}
