using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data answers</c>: the outputs of reasoning records, taken apart into rationale and final answer.</summary>
internal static class AnswersCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var from = new Option<string>("--in")
        {
            Description = "Instruction file with Chain-of-Thought outputs", HelpName = "FILE", Required = true,
        };
        var output = Options.Out("Gets a line of JSON for each record: instruction, input, output, rationale, answer");
        output.Required = true;
        var templates = new Option<string>("--templates")
        {
            Description = "The templates the outputs were made with, where they are known", HelpName = "FILE",
        };
        var skip = new Option<bool>("--skip-bad") { Description = "Count and leave out records that cannot be used" };
        var json = Options.Json();
        var verb = new DocumentedCommand("answers", CommandGroup.Data, "Take reasoning outputs apart: rationale and final answer",
            "data answers --in CoT_data.json --out answers.jsonl",
            "data answers --in cot.json --templates flan.json --out answers.jsonl --json")
        {
            from, output, templates, skip, json,
        };
        verb.SetAction((parsed, cancel) =>
        {
            var (path, to) = (parsed.GetValue(from)!, parsed.GetValue(output)!);
            var known = parsed.GetValue(templates) is { } file ? CotTemplates.Load(file) : null;
            var (bad, found) = (0L, 0L);
            var reading = new ReadOptions { SkipBad = parsed.GetValue(skip), OnBadRecord = _ => bad++ };
            var count = 0L;
            using (var progress = new RecordProgress(terminal, parsed.GetValue(json)))
                OutputFile.Write(to, stream =>
                {
                    foreach (var record in InstructionFile.Read(path, reading))
                    {
                        cancel.ThrowIfCancellationRequested();
                        progress.Report(++count);
                        if (Write(stream, record, known)) found++;
                    }
                });
            if (parsed.GetValue(json))
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
                    + $"have a final answer{(bad > 0 ? $", {bad:N0} skipped" : "")}: {to}"));
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    /// <summary>Writes a record; true where its last answer could be taken apart.</summary>
    private static bool Write(Stream stream, Conversation record, CotTemplates? templates)
    {
        var said = record.Turns.LastOrDefault(t => t.Role == Role.Assistant)?.Text
            ?? throw new InputException($"{record.Origin}: it has no answer");
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
