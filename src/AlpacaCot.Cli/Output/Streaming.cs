using System.Globalization;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text.Tokenization;
using Spectre.Console;

namespace AlpacaCot.Cli.Output;

/// <summary>The text of answers, complete or during generation.</summary>
internal static class Streaming
{
    /// <summary>Prints an answer during generation and returns it.</summary>
    public static string Show(LanguageModel model, int[] prompt, GenerationOptions options, Terminal terminal,
        CancellationToken cancel, PromptCache? cache = null)
    {
        var (decoder, answer, whole) = (model.Tokenizer.StreamDecoder(), new AnswerText(options.StopStrings),
            new System.Text.StringBuilder());
        void Write(string text)
        {
            whole.Append(text);
            terminal.Exact.Write(text);
            if (text.Length > 0) terminal.Exact.Flush();
        }
        var ids = new List<int>();
        foreach (var id in model.Generator.Stream(prompt, options, cache, cancel))
        {
            ids.Add(id);
            Write(answer.Add(decoder.Add(id)));
        }
        Write(answer.Add(decoder.Flush()));
        Write(answer.Finish());
        terminal.Out.WriteLine();
        NoteCut(model, prompt.Length, ids, options, terminal);
        return whole.ToString();
    }

    /// <summary>Says on standard error that an answer was cut because the model has no further positions.</summary>
    public static void NoteCut(LanguageModel model, int prompt, IReadOnlyList<int> answer, GenerationOptions options,
        Terminal terminal)
    {
        if (!model.Generator.IsCut(prompt, answer, options)) return;
        terminal.ErrorConsole.MarkupLine(string.Create(CultureInfo.InvariantCulture,
            $"[grey]note: the answer is cut: {prompt} tokens ") +
            string.Create(CultureInfo.InvariantCulture, $"of the prompt and {answer.Count} of the answer fill all ") +
            string.Create(CultureInfo.InvariantCulture,
                $"{model.Model.LongestSequence} positions of the model. Shorten the prompt.[/]"));
    }

    /// <summary>The complete text of an answer.</summary>
    public static string Whole(Tokenizer tokenizer, IReadOnlyList<int> ids, IReadOnlyList<string> stops)
    {
        var answer = new AnswerText(stops);
        return answer.Add(tokenizer.Decode([.. ids])) + answer.Finish();
    }
}
