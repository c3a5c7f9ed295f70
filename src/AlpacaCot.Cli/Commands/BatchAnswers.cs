using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;

namespace AlpacaCot.Cli.Commands;

/// <summary>
/// Answers a file of prompts: lines of JSON in the order of the prompts, each written as soon as all earlier ones are.
/// </summary>
internal static class BatchAnswers
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(LanguageModel model, IReadOnlyList<PromptRequest> prompts, GenerationOptions options, int batchSize,
        string? output, bool json, Terminal terminal, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var limits = new BatchLimits { Sequences = batchSize };
        int[][] ids = [.. prompts.Select(p => p.Encode(model))];
        if (output is null && !json)
        {
            Generate(terminal.Out);
            return;
        }
        IReadOnlyList<int[]> answers = [];
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
                    o.Array("answers", answers.Zip(prompts), answer => o.Object(one =>
                    {
                        Members(one, model, answer.First, options);
                        answer.Second.WriteOthers(one);
                    }));
            }));

        IReadOnlyList<int[]> Generate(TextWriter to)
        {
            var (ready, next) = (new Dictionary<int, int[]>(), 0);
            using var progress = new RecordProgress(terminal, json || output is not null);
            var (all, done) = (model.Generator, 0);
            return all.GenerateBatch(ids, options, limits, null, (number, answer) =>
            {
                progress.Report(++done);
                ready[number] = answer;
                for (; ready.Remove(next, out var following); next++) to.WriteLine(Line(prompts[next], following));
            }, cancel);
        }

        string Line(PromptRequest prompt, int[] answer)
        {
            using var buffer = new MemoryStream();
            using (var writer = new Utf8JsonWriter(buffer, Readable))
                writer.Object(o =>
                {
                    o.Object("prompt", prompt.Write);
                    Members(o, model, answer, options);
                    prompt.WriteOthers(o);
                });
            return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
        }
    }

    /// <summary>Writes <c>ids</c> and <c>text</c> of an answer.</summary>
    public static void Members(Utf8JsonWriter json, LanguageModel model, IReadOnlyList<int> answer, GenerationOptions options)
    {
        json.Ids("ids", answer);
        if (model.HasTokenizer) json.WriteString("text", Streaming.Whole(model.Tokenizer, answer, options.StopStrings));
        else json.WriteNull("text");
    }
}
