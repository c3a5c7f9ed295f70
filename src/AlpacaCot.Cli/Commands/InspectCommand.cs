using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>inspect</c>: exactly what training sees of a record, token by token.</summary>
internal static class InspectCommand
{
    private const int CutShown = 40; // tokens behind the cutoff that are worth a look

    public static DocumentedCommand Create(Terminal terminal)
    {
        var data = new Option<string>("--data") { Description = "Instruction file", HelpName = "FILE", Required = true };
        var record = Options.Positive<int>("--record", "Number of the record, from 1", "N", 1);
        var template = Options.Template();
        var model = Options.Model("Model folder with the tokenizer");
        var tokenizer = Options.Tokenizer();
        var cutoff = Options.Positive<int>("--cutoff", "Longest example in tokens; the rest is cut", "N", 512);
        var inputs = new Option<bool>("--train-on-inputs") { Description = "Count the prompt in the loss too" };
        var json = Options.Json();
        var verb = new DocumentedCommand("inspect", CommandGroup.Data, "Show a record's tokens, ids and loss mask, as training sees them",
            "inspect --data alpaca.json --record 17 --model path/to/model",
            "inspect --data alpaca.json --tokenizer tokenizer.model --cutoff 64 --train-on-inputs",
            "inspect --data alpaca.json --model path/to/model --json")
        {
            data, record, template, model, tokenizer, cutoff, inputs, json,
        };
        verb.SetAction((parsed, _) =>
        {
            var engine = TokenIds.Load(parsed.GetValue(tokenizer), parsed.GetValue(model));
            var prompt = ChatFormats.Resolve(parsed.GetValue(template), null, parsed.GetValue(model), parsed.GetValue(tokenizer),
                engine);
            var options = new EncodingOptions { CutoffLength = parsed.GetValue(cutoff), TrainOnInputs = parsed.GetValue(inputs) };
            var view = View.Of(Find(parsed.GetValue(data)!, parsed.GetValue(record)), prompt, engine, options);
            if (parsed.GetValue(json)) WriteJson(view, terminal);
            else Show(view, terminal);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static Conversation Find(string path, int number)
    {
        var seen = 0;
        foreach (var conversation in InstructionFile.Read(path))
            if (++seen == number) return conversation;
        throw new InputException($"{path} has {seen} records; there is no record {number}");
    }

    /// <summary>A record with its tokens before and after the cutoff.</summary>
    private sealed record View(Conversation Record, ChatFormatChoice Choice, Tokenizer Tokenizer, TokenizedExample Whole,
        TokenizedExample? Kept, int Cutoff)
    {
        public int Length => Kept?.Ids.Length ?? 0;
        public int Supervised => Kept?.Labels.Count(l => l != TokenizedExample.Ignored) ?? 0;
        public bool Truncated => Kept is not null && Length < Whole.Ids.Length;

        public static View Of(Conversation record, ChatFormatChoice choice, Tokenizer tokenizer, EncodingOptions options)
        {
            var everything = options with { CutoffLength = int.MaxValue };
            var whole = new ExampleEncoder(tokenizer, choice.Format, everything).Encode(record)
                ?? throw new InputException($"{record.Origin}: the record has nothing for the model to learn");
            return new(record, choice, tokenizer, whole, new ExampleEncoder(tokenizer, choice.Format, options).Encode(record),
                options.CutoffLength);
        }

        public IEnumerable<TokenChip> Chips() => Whole.Ids.Select((id, i) => new TokenChip(id,
            i >= Length ? TokenKind.Cut : Whole.Labels[i] == TokenizedExample.Ignored ? TokenKind.Masked : TokenKind.Supervised));

        public string Text() => string.Concat(Choice.Format.Render(Record).Select(s =>
            s.Spelled("", Tokenizer.EosId is { } eos ? Tokenizer.IdToToken(eos) : "")));
    }

    private static void WriteJson(View view, Terminal terminal) => terminal.WriteJson(w => w.Object(o =>
    {
        var ids = view.Kept?.Ids ?? [];
        o.WriteString("template", view.Choice.Format.Name);
        o.WriteString("template_origin", view.Choice.Description);
        o.WriteString("record", view.Record.Origin);
        o.Ids("ids", ids);
        o.Ids("labels", view.Kept?.Labels ?? []);
        o.Strings("tokens", ids.Select(view.Tokenizer.IdToToken));
        o.WriteString("text", view.Text());
        o.WriteNumber("supervised", view.Supervised);
        o.WriteNumber("length", view.Whole.Ids.Length);
        o.WriteBoolean("truncated", view.Truncated);
        o.WriteBoolean("dropped", view.Kept is null);
    }));

    private static void Show(View view, Terminal terminal)
    {
        var chips = view.Chips().ToList();
        var console = terminal.Console;
        if (TokenChips.Fit(terminal))
        {
            console.WriteLine();
            TokenChips.Legend(chips.Select(c => c.Kind).Distinct().Order(), terminal);
            console.WriteLine();
            TokenChips.Show(view.Tokenizer, [.. chips.Take(view.Length + CutShown)], terminal);
            var more = chips.Count - view.Length - CutShown;
            if (more > 0) console.MarkupLine($"[grey]... and {more} more that are cut[/]");
            console.WriteLine();
        }
        else
        {
            terminal.Out.WriteLine("position       id  use         token");
            foreach (var (i, chip) in chips.Index())
                terminal.Out.WriteLine($"{i,8} {chip.Id,8}  {chip.Kind.ToString().ToLowerInvariant(),-10}  " +
                    $"{TokenChips.Visible(view.Tokenizer, chip.Id)}");
        }
        terminal.Out.WriteLine($"{view.Record.Origin}, template: {view.Choice.Description}: {view.Whole.Ids.Length} tokens, " +
            $"{view.Supervised} supervised, {view.Length - view.Supervised} masked, {view.Whole.Ids.Length - view.Length} cut");
        if (view.Kept is null)
            terminal.Out.WriteLine($"Training drops this record: nothing of its answer is left within {view.Cutoff} tokens " +
                "(--cutoff).");
    }
}
