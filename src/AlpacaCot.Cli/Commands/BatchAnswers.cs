using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary>
/// Answers a file of prompts: lines of JSON in the order of the prompts, each written as soon as all earlier ones are.
/// </summary>
internal static class BatchAnswers
{
    /// <summary>The member of an answer that was cut because the model has no further positions.</summary>
    public const string CutMember = "cut_at_positions";

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(LanguageModel model, IReadOnlyList<PromptRequest> prompts, GenerationOptions options, int batchSize,
        string? output, bool json, Terminal terminal, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var limits = new BatchLimits { Sequences = batchSize };
        int[][] ids = [.. prompts.Select(p => p.Encode(model))];
        IReadOnlyList<int[]> answers = [];
        if (output is null && !json)
        {
            answers = Generate(terminal.Out);
            NoteCuts();
            return;
        }
        if (output is null) answers = Generate(TextWriter.Null);
        else
            OutputFile.Write(output, stream =>
            {
                using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
                answers = Generate(writer);
            });
        var (tokens, seconds) = (answers.Sum(a => a.Length), clock.Elapsed.TotalSeconds);
        if (!json)
            terminal.Out.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{prompts.Count:N0} prompts, {tokens:N0} tokens in " +
                $"{seconds:0.0} s ({prompts.Count / seconds:0.0} prompts/s): {output}"));
        else
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteNumber("prompts", prompts.Count);
                o.WriteNumber("tokens", tokens);
                o.WriteNumber("seconds", Math.Round(seconds, 3));
                if (output is not null) o.WriteString("out", output);
                else
                    o.Array("answers", prompts.Index(), prompt => o.Object(one =>
                    {
                        Members(one, model, ids[prompt.Index].Length, answers[prompt.Index], options);
                        prompt.Item.WriteOthers(one);
                    }));
            }));
        NoteCuts();

        IReadOnlyList<int[]> Generate(TextWriter to)
        {
            var (ready, next) = (new Dictionary<int, int[]>(), 0);
            using var progress = new RecordProgress(terminal, json || output is not null);
            var (all, done) = (model.Generator, 0);
            return all.GenerateBatch(ids, options, limits, null, (number, answer) =>
            {
                progress.Report(++done);
                ready[number] = answer;
                for (; ready.Remove(next, out var following); next++) to.WriteLine(Line(next, following));
            }, cancel);
        }

        void NoteCuts()
        {
            int[] cut = [.. Enumerable.Range(0, answers.Count)
                .Where(i => model.Generator.IsCut(ids[i].Length, answers[i], options))];
            if (cut.Length == 0) return;
            terminal.ErrorConsole.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"[grey]note: {cut.Length:N0} of ") +
                string.Create(CultureInfo.InvariantCulture,
                    $"{answers.Count:N0} answers {(cut.Length == 1 ? "is" : "are")} cut at the ") +
                string.Create(CultureInfo.InvariantCulture, $"{model.Model.LongestSequence} positions of the model ") +
                $"(cut_at_positions); the first: {Markup.Escape(prompts[cut[0]].Source)}. Shorten the prompts.[/]");
        }

        string Line(int number, int[] answer)
        {
            var prompt = prompts[number];
            using var buffer = new MemoryStream();
            using (var writer = new Utf8JsonWriter(buffer, Readable))
                writer.Object(o =>
                {
                    o.Object("prompt", prompt.Write);
                    Members(o, model, ids[number].Length, answer, options);
                    prompt.WriteOthers(o);
                });
            return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
        }
    }

    /// <summary>Writes <c>ids</c>, <c>text</c> and, of an answer that was cut, <c>cut_at_positions</c>.</summary>
    public static void Members(Utf8JsonWriter json, LanguageModel model, int prompt, IReadOnlyList<int> answer,
        GenerationOptions options)
    {
        json.Ids("ids", answer);
        if (model.HasTokenizer) json.WriteString("text", Streaming.Whole(model.Tokenizer, answer, options.StopStrings));
        else json.WriteNull("text");
        if (model.Generator.IsCut(prompt, answer, options)) json.WriteBoolean(CutMember, true);
    }
}
