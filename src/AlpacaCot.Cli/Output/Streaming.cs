using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text.Tokenization;

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
        foreach (var id in model.Generator.Stream(prompt, options, cache, cancel)) Write(answer.Add(decoder.Add(id)));
        Write(answer.Add(decoder.Flush()));
        Write(answer.Finish());
        return whole.ToString();
    }

    /// <summary>The complete text of an answer.</summary>
    public static string Whole(Tokenizer tokenizer, IReadOnlyList<int> ids, IReadOnlyList<string> stops)
    {
        var answer = new AnswerText(stops);
        return answer.Add(tokenizer.Decode([.. ids])) + answer.Finish();
    }
}
