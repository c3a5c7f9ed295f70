using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Evaluation.Scoring;
using AlpacaCot.Models;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using AlpacaCot.Text.Examples;
using static TorchSharp.torch;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>score</c>: loss, perplexity and log-probabilities of a text.</summary>
internal sealed class ScoreCommand(Terminal terminal)
{
    private readonly Option<string> _model = Options.Model(required: true), _adapter = Options.Adapter(),
        _tokenizer = Options.Tokenizer();

    private readonly Option<string> _ids = Options.InputIds("Token ids to score");
    private readonly Option<string> _text = Options.Text("--text", "Text to score");
    private readonly Option<string> _labels = new("--labels")
    {
        Description = "One label per token; -100 excludes a token from the loss. Default: the ids", HelpName = "IDS",
    };

    private readonly Option<string> _logits = Options.File("--logits-out",
        "Write the logits, [sequence, vocabulary], as tensor 'logits' to a safetensors file");

    private readonly ComputeOptions _compute = new(withWeights: false);
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new ScoreCommand(terminal);
        return new DocumentedCommand("score", CommandGroup.Use,
            "Compute loss, perplexity and log-probabilities of a text or of token ids",
            "score --model path/to/model --text \"Once upon a time\"",
            "score --model path/to/model --adapter runs/my-run --input-ids \"1,403,407\" --labels \"-100,-100,407\"",
            "score --model path/to/model --input-ids \"1,403,407\" --logits-out logits.safetensors --json")
        {
            command._model, command._adapter, command._tokenizer, command._ids, command._text, command._labels, command._logits,
            command._compute.All, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (givenIds, givenText) = (parsed.GetValue(_ids), parsed.GetValue(_text));
        if (givenIds is null == givenText is null)
            throw new InputException("score needs exactly one of --input-ids IDS and --text TEXT");
        var tokens = givenIds is null ? null : TokenIds.Parse(givenIds, _ids.Name);
        var targets = parsed.GetValue(_labels) is { } l ? TokenIds.Parse(l, _labels.Name, TokenizedExample.Ignored) : null;
        using var loaded = ModelLoading.Load(parsed.GetValue(_model), parsed.GetValue(_adapter), null,
            parsed.GetValue(_tokenizer), _compute.Read(parsed), terminal);
        tokens ??= loaded.Tokenizer.Encode(givenText!);
        var score = SequenceScore.Of(loaded, tokens, targets);
        if (parsed.GetValue(_logits) is { } path) WriteLogits(path, loaded, tokens);
        if (parsed.GetValue(_json)) WriteJson(score, tokens, terminal);
        else Show(score, tokens, loaded, terminal);
        return ExitCode.Done;
    }

    private static void WriteLogits(string path, LanguageModel model, int[] ids)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var logits = model.Model.Logits(new ModelInput(tensor(ids.Select(id => (long)id).ToArray(), [1, ids.Length])));
        SafetensorsWriter.Write(path, [("logits", logits[0].contiguous())]);
    }

    private static void WriteJson(SequenceScore score, int[] ids, Terminal terminal) => terminal.WriteJson(w => w.Object(o =>
    {
        o.WriteNumber("loss", score.Loss);
        o.WriteNumber("perplexity", score.Perplexity);
        o.WriteNumber("counted", score.Counted);
        o.Ids("ids", ids);
        o.Array("log_probabilities", score.LogProbabilities, o.WriteNumberValue);
    }));

    private static void Show(SequenceScore score, int[] ids, LanguageModel model, Terminal terminal)
    {
        terminal.Out.WriteLine("      id  log-probability  probability  token");
        for (var i = 1; i < ids.Length; i++)
        {
            var log = score.LogProbabilities[i - 1];
            var token = model.HasTokenizer ? TokenChips.Visible(model.Tokenizer, ids[i]) : "";
            terminal.Out.WriteLine($"{ids[i],8}  {log,15:0.0000}  {Math.Exp(log),10:0.0 %}  {token}".TrimEnd());
        }
        terminal.Out.WriteLine($"loss {score.Loss:0.00000} nats per token, perplexity {score.Perplexity:0.000}, " +
            $"{score.Counted} tokens counted");
    }
}
