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

/// <summary><c>score</c>: how probable a model finds a text.</summary>
internal static class ScoreCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var model = Options.Model();
        model.Required = true;
        var adapter = Options.Adapter();
        var tokenizer = Options.Tokenizer();
        var ids = Options.InputIds();
        var text = Options.Text("--text", "The text to score, in place of --input-ids");
        var labels = new Option<string>("--labels")
        {
            Description = "One label for each token, -100 where it does not count in the loss", HelpName = "IDS",
        };
        var logits = new Option<string>("--logits-out")
        {
            Description = "Write the logits, [sequence, vocabulary], as 'logits' to a safetensors file", HelpName = "FILE",
        };
        var (device, dtype, quantization, json) = (Options.Device(), Options.Dtype(), Options.Quantization(), Options.Json());
        var verb = new DocumentedCommand("score", CommandGroup.Use, "Show how probable a model finds a text: loss, perplexity, log-probabilities",
            "score --model path/to/model --text \"Once upon a time\"",
            "score --model path/to/model --adapter runs/my-run/adapter --input-ids \"1,403,407\" --labels \"-100,-100,407\"",
            "score --model path/to/model --input-ids \"1,403,407\" --logits-out logits.safetensors --json")
        {
            model, adapter, tokenizer, ids, text, labels, logits, device, dtype, quantization, json,
        };
        verb.SetAction((parsed, _) =>
        {
            var (givenIds, givenText) = (parsed.GetValue(ids), parsed.GetValue(text));
            if (givenIds is null == givenText is null)
                throw new InputException("score takes one of --input-ids IDS and --text TEXT");
            var tokens = givenIds is null ? null : TokenIds.Parse(givenIds, ids.Name);
            var wanted = parsed.GetValue(labels) is { } l ? TokenIds.Parse(l, labels.Name, TokenizedExample.Ignored) : null;
            using var loaded = ModelLoading.Load(parsed.GetValue(model), parsed.GetValue(adapter), null,
                parsed.GetValue(tokenizer), terminal, quantization: parsed.GetValue(quantization));
            tokens ??= loaded.Tokenizer.Encode(givenText!);
            var score = SequenceScore.Of(loaded, tokens, wanted);
            if (parsed.GetValue(logits) is { } path) WriteLogits(path, loaded, tokens);
            if (parsed.GetValue(json)) WriteJson(score, tokens, terminal);
            else Show(score, tokens, loaded, terminal);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
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
