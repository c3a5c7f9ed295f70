using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Configuration;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Settings;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>inspect</c>: shows a record as training sees it, token by token.</summary>
internal sealed class InspectCommand(Terminal terminal)
{
    private const int CutShown = 40; // tokens shown beyond the cutoff

    private readonly Option<string> _data = Options.File("--data", "Instruction file, folder, or pattern", required: true);
    private readonly ReadingOptions _reading = new();
    private readonly Option<int> _record = Options.Positive<int>("--record", "Number of the record, from 1", "N", 1);
    private readonly Option<string> _template = Options.Template(), _model = Options.Model(), _tokenizer = Options.Tokenizer();
    private readonly Option<int> _cutoff = Options.Positive<int>("--cutoff", "Maximum length of an example in tokens", "N", 512);
    private readonly Option<bool> _trainOnInputs = new("--train-on-inputs") { Description = "Include the prompt in the loss" };
    private readonly Option<string> _trainOn = Options.OneOf("--train-on",
        "Turns in the loss: all answers, the last one, those of --train-on-roles, or only turns that the data marks", "all",
        TrainingOptions.TrainOnWords.All, "as the recipe key train_on");

    private readonly Option<string> _roles = new("--train-on-roles")
    {
        Description = "Roles of --train-on roles, for example assistant,tool", HelpName = "ROLE,...",
    };

    private readonly Option<string> _reasoning = Options.OneOf("--reasoning",
        "Reasoning of the record: in the text and the loss, in the text only, or left out", "render",
        Words<ReasoningUse>.LowerCase.All, "as the recipe key reasoning");

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new InspectCommand(terminal);
        return new DocumentedCommand("inspect", CommandGroup.Data, "Show the tokens, ids and loss mask of a training example",
            "inspect --data alpaca.json --record 17 --model path/to/model",
            "inspect --data alpaca.json --tokenizer tokenizer.model --cutoff 64 --train-on-inputs",
            "inspect --data alpaca.json --model path/to/model --json")
        {
            command._data, command._reading.All, command._record, command._template, command._model, command._tokenizer,
            command._cutoff, command._trainOnInputs, command._trainOn, command._roles, command._reasoning, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var engine = TokenIds.Load(parsed.GetValue(_tokenizer), parsed.GetValue(_model));
        var at = parsed.GetValue(_model) is { } model ? ModelLocation.Of(model) : null;
        var prompt = ChatFormats.Resolve(parsed.GetValue(_template), at?.Adapter, at?.Model, parsed.GetValue(_tokenizer), engine);
        var options = new EncodingOptions
        {
            CutoffLength = parsed.GetValue(_cutoff), TrainOnInputs = parsed.GetValue(_trainOnInputs),
            TrainOn = TrainingOptions.TrainOnWords.Find(parsed.GetValue(_trainOn)!)!.Value,
            Roles = Roles(parsed.GetValue(_roles)),
            Reasoning = Words<ReasoningUse>.LowerCase.Find(parsed.GetValue(_reasoning)!)!.Value,
        };
        var reading = _reading.Read(parsed, terminal);
        var view = View.Of(Find(parsed.GetValue(_data)!, parsed.GetValue(_record), reading), prompt, engine, options);
        if (parsed.GetValue(_json)) WriteJson(view, terminal);
        else Show(view, terminal);
        return ExitCode.Done;
    }

    private static Role[] Roles(string? list) => list is null ? [] : [.. list.Split(',',
        StringSplitOptions.TrimEntries).Select(word =>
        Words<Role>.LowerCase.Find(word) ?? throw new InputException($"--train-on-roles: found {word}, allowed is "
            + $"{string.Join(", ", Words<Role>.LowerCase.All)}"))];

    private static Conversation Find(string path, int number, ReadOptions reading)
    {
        var seen = 0;
        foreach (var conversation in DataFiles.Read(path, reading))
        {
            if (++seen < number) continue;
            return EmptyAnswer.TurnOf(conversation) is 0 ? conversation : throw new InputException(
                $"{conversation.Origin}: its answer is empty, so training refuses this record, or skips it with "
                    + "training.skip_bad");
        }
        throw new InputException($"{path} has {seen} records; record {number} does not exist");
    }

    /// <summary>A record with its tokens before and after the cutoff.</summary>
    private sealed record View(Conversation Record, ChatFormatChoice Choice, Tokenizer Tokenizer, TokenizedExample Whole,
        TokenizedExample? Kept, int Cutoff, int Chunks)
    {
        public int Length => Kept?.Ids.Length ?? 0;
        public int Supervised => Kept?.Labels.Count(l => l != TokenizedExample.Ignored) ?? 0;
        public bool Truncated => Kept is not null && Length < Whole.Ids.Length;

        public static View Of(Conversation record, ChatFormatChoice choice, Tokenizer tokenizer, EncodingOptions options)
        {
            var everything = options with { CutoffLength = int.MaxValue };
            var whole = new ExampleEncoder(tokenizer, choice.Format, everything).Encode(record)
                ?? throw new InputException($"{record.Origin}: the record has no answer to train on");
            var encoder = new ExampleEncoder(tokenizer, choice.Format, options);
            return new(record, choice, tokenizer, whole, encoder.Encode(record), options.CutoffLength,
                encoder.EncodeChunks(record).Count);
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
        o.WriteNumber("examples", view.Chunks);
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
            if (more > 0) console.MarkupLine($"[grey]... and {more} more that are cut off[/]");
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
        if (view.Chunks > 1)
            terminal.Out.WriteLine($"Training cuts this text into {view.Chunks} examples of at most {view.Cutoff} tokens; the "
                + "first "
                + "one is shown.");
        if (view.Kept is null)
            terminal.Out.WriteLine($"Training drops this record: no token of its answer is within {view.Cutoff} tokens " +
                "(--cutoff).");
    }
}
