using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text.Conversations;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>chat</c>: a conversation in the terminal.</summary>
internal sealed class ChatCommand(Terminal terminal)
{
    private const string Commands = "/reset clears the conversation, /system TEXT sets the system prompt, /quit ends";

    private readonly Option<string> _model = Options.Model(required: true), _adapter = Options.Adapter(),
        _tokenizer = Options.Tokenizer(), _template = Options.Template();

    private readonly Sampling _sampling = new();
    private readonly ComputeOptions _compute = new(withWeights: true);

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new ChatCommand(terminal);
        return new DocumentedCommand("chat", CommandGroup.Use, "Chat with a model in the terminal",
            "chat --model path/to/model --adapter runs/my-run",
            "chat --model path/to/model --template alpaca --temperature 0.7 --top-p 0.9",
            "chat --model path/to/model --draft path/to/small-model")
        {
            command._model, command._adapter, command._tokenizer, command._template, command._sampling.All, command._compute.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var storage = _compute.Read(parsed);
        using var loaded = ModelLoading.Load(parsed.GetValue(_model), parsed.GetValue(_adapter), parsed.GetValue(_template),
            parsed.GetValue(_tokenizer), storage, terminal);
        ModelLoading.AddDraft(loaded, _sampling.Draft(parsed), storage.Compute, terminal);
        Talk(loaded, _sampling.Read(parsed, loaded, withTemplate: true), terminal, cancel);
        return ExitCode.Done;
    }

    private static void Talk(LanguageModel model, GenerationOptions options, Terminal terminal, CancellationToken cancel)
    {
        var console = terminal.Console;
        var turns = new List<Turn>();
        using var cache = new PromptCache(); // each turn processes only the new tokens of the conversation
        console.MarkupLine($"[grey]template: {Markup.Escape(model.TemplateChoice.Description)}; {Commands}[/]");
        while (Ask(terminal, cancel) is { } line && line != "/quit")
        {
            if (line.Length == 0) continue;
            if (line == "/reset")
            {
                turns.RemoveAll(t => t.Role != Role.System);
                console.MarkupLine("[grey]conversation cleared[/]");
            }
            else if (line.StartsWith("/system", StringComparison.Ordinal))
            {
                turns.RemoveAll(t => t.Role == Role.System);
                if (line["/system".Length..].Trim() is { Length: > 0 } text) turns.Insert(0, new Turn(Role.System, text));
                console.MarkupLine("[grey]system prompt set[/]");
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
        turns.Add(new Turn(Role.Assistant, answer));
    }

    // Drops the oldest exchanges when the conversation exceeds the context of the model.
    private static int[] Fit(LanguageModel model, List<Turn> turns, GenerationOptions options, Terminal terminal)
    {
        var limit = Math.Max(model.Model.Shape.MaxPositions / 2, model.Model.Shape.MaxPositions - options.MaxNewTokens);
        while (true)
        {
            var prompt = model.EncodePrompt(new Conversation([.. turns]));
            var oldest = turns.FindIndex(t => t.Role != Role.System);
            if (prompt.Length <= limit || turns.Count - oldest < 3) return prompt;
            turns.RemoveRange(oldest, 2);
            terminal.ErrorConsole.MarkupLine(
                "[grey](the oldest exchange was dropped: the conversation exceeds the context of the model)[/]");
        }
    }

    private static string? Ask(Terminal terminal, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested) return null;
        if (!terminal.OutIsTerminal) return terminal.In.ReadLine()?.Trim();
        terminal.Console.Markup("[bold green]you>[/] ");
        // ReadLine cannot be cancelled, and nothing is lost by ending the process here.
        using var interrupted = cancel.Register(() => Environment.Exit(ExitCode.Done));
        return terminal.In.ReadLine()?.Trim();
    }
}
