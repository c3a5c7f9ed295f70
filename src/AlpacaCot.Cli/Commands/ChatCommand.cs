using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text.Conversations;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>chat</c>: a conversation in the terminal.</summary>
internal static class ChatCommand
{
    private const string Commands = "/reset forgets the conversation, /system TEXT sets standing instructions, /quit ends";

    public static DocumentedCommand Create(Terminal terminal)
    {
        var model = Options.Model();
        model.Required = true;
        var (adapter, tokenizer, template) = (Options.Adapter(), Options.Tokenizer(), Options.Template());
        var sampling = new Sampling();
        var (weights, device, dtype, quantization) =
            (Options.Weights(), Options.Device(), Options.Dtype(), Options.Quantization());
        var verb = new DocumentedCommand("chat", CommandGroup.Use, "Talk with a model in the terminal",
            "chat --model path/to/model --adapter runs/my-run/adapter",
            "chat --model path/to/model --template alpaca --temperature 0.7 --top-p 0.9",
            "chat --model path/to/model --draft path/to/small-model")
        {
            model, adapter, tokenizer, template,
        };
        sampling.AddTo(verb);
        verb.Add(weights);
        verb.Add(device);
        verb.Add(dtype);
        verb.Add(quantization);
        verb.SetAction((parsed, cancel) =>
        {
            using var loaded = ModelLoading.Load(parsed.GetValue(model), parsed.GetValue(adapter), parsed.GetValue(template),
                parsed.GetValue(tokenizer), terminal, parsed.GetValue(weights),
                parsed.GetValue(quantization));
            ModelLoading.AddDraft(loaded, sampling.Draft(parsed), terminal);
            Talk(loaded, sampling.Read(parsed, loaded, withTemplate: true), terminal, cancel);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static void Talk(LanguageModel model, GenerationOptions options, Terminal terminal, CancellationToken cancel)
    {
        var console = terminal.Console;
        var turns = new List<Turn>();
        using var cache = new PromptCache(); // each turn reads only what is new in the conversation
        console.MarkupLine($"[grey]template: {Markup.Escape(model.TemplateChoice.Description)}; {Commands}[/]");
        while (Ask(terminal, cancel) is { } line && line != "/quit")
        {
            if (line.Length == 0) continue;
            if (line == "/reset")
            {
                turns.RemoveAll(t => t.Role != Role.System);
                console.MarkupLine("[grey]forgotten[/]");
            }
            else if (line.StartsWith("/system", StringComparison.Ordinal))
            {
                turns.RemoveAll(t => t.Role == Role.System);
                if (line["/system".Length..].Trim() is { Length: > 0 } text) turns.Insert(0, new Turn(Role.System, text));
                console.MarkupLine("[grey]understood[/]");
            }
            else if (line[0] == '/') console.MarkupLine($"[grey]{Commands}[/]");
            else Reply(model, turns, line, options, cache, terminal, cancel);
        }
    }

    private static void Reply(LanguageModel model, List<Turn> turns, string line, GenerationOptions options, PromptCache cache,
        Terminal terminal, CancellationToken cancel)
    {
        turns.Add(new Turn(Role.User, line));
        var prompt = Fit(model, turns, options, terminal);
        var answer = Streaming.Show(model, prompt, options, terminal, cancel, cache);
        terminal.Out.WriteLine();
        turns.Add(new Turn(Role.Assistant, answer));
    }

    // The oldest exchanges go when the conversation outgrows the model.
    private static int[] Fit(LanguageModel model, List<Turn> turns, GenerationOptions options, Terminal terminal)
    {
        var room = Math.Max(model.Model.Shape.MaxPositions / 2, model.Model.Shape.MaxPositions - options.MaxNewTokens);
        while (true)
        {
            var prompt = model.EncodePrompt(new Conversation([.. turns]));
            var oldest = turns.FindIndex(t => t.Role != Role.System);
            if (prompt.Length <= room || turns.Count - oldest < 3) return prompt;
            turns.RemoveRange(oldest, 2);
            terminal.ErrorConsole.MarkupLine(
                "[grey](the oldest exchange is forgotten: the conversation is longer than the model reads)[/]");
        }
    }

    private static string? Ask(Terminal terminal, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested) return null;
        if (!terminal.OutIsTerminal) return terminal.In.ReadLine()?.Trim();
        terminal.Console.Markup("[bold green]you>[/] ");
        // Nothing is lost when a waiting prompt is interrupted, and reading a line cannot be cancelled otherwise.
        using var interrupted = cancel.Register(() => Environment.Exit(ExitCode.Done));
        return terminal.In.ReadLine()?.Trim();
    }
}
