using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>generate</c>: one answer, the continuation of a text or of token ids, or the answers to a file of
/// prompts.</summary>
internal static class GenerateCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var model = Options.Model();
        model.Required = true;
        var (adapter, tokenizer, template) = (Options.Adapter(), Options.Tokenizer(), Options.Template());
        var instruction = Options.Text("--instruction", "What to do; the prompt template goes around it");
        var input = Options.Text("--input", "The material the instruction works on");
        var text = Options.Text("--text", "A text to continue as it stands, without a template");
        var ids = Options.InputIds();
        ids.Description = "Token ids to continue, as in \"1,2,3\"";
        var batch = new Option<string>("--batch")
        {
            Description =
                "A file of prompts, answered together: an instruction a line; in a .jsonl file a string, or an object with " +
                "instruction and input, text, or ids",
            HelpName = "FILE",
        };
        var output = Options.Out("With --batch: the file of answers, a line of JSON each");
        var size = Options.Positive("--batch-size", "With --batch: the most sequences at a time", "N", 64);
        var sampling = new Sampling();
        var (weights, device, dtype, quantization, json) =
            (Options.Weights(), Options.Device(), Options.Dtype(), Options.Quantization(), Options.Json());
        json.Description =
            "Print one JSON document: ids and text; with --beams also hypotheses (ids, text, score), the best first; with " +
            "--batch prompts, tokens, seconds, and answers or out";
        var verb = new DocumentedCommand("generate", CommandGroup.Use, "Answer an instruction or a file of them, or continue a text or token ids",
            "generate --model path/to/model --adapter runs/my-run/adapter --instruction \"Name three colours.\"",
            "generate --model path/to/model --text \"Once upon a time\" --temperature 0.8 --top-p 0.9 --seed 7",
            "generate --model path/to/model --instruction \"Name three colours.\" --beams 4 --length-penalty 1.2 --json",
            "generate --model path/to/model --instruction \"Name three colours.\" --preset alpaca-cot",
            "generate --model path/to/model --batch prompts.jsonl --out answers.jsonl",
            "generate --model path/to/model --draft path/to/small-model --text \"Once upon a time\"",
            "generate --model path/to/model --input-ids \"1,403,407\" --max-new-tokens 20 --greedy --json")
        {
            model, adapter, tokenizer, template, instruction, input, text, ids, batch, output, size,
        };
        sampling.AddTo(verb);
        foreach (var option in new Option[] { weights, device, dtype, quantization, json }) verb.Add(option);
        verb.SetAction((parsed, cancel) =>
        {
            var (task, raw, tokens, file) =
                (parsed.GetValue(instruction), parsed.GetValue(text), parsed.GetValue(ids), parsed.GetValue(batch));
            if (new[] { task, raw, tokens, file }.Count(v => v is not null) != 1)
                throw new InputException(
                    "generate takes one of --instruction TEXT, --text TEXT, --input-ids IDS and --batch FILE");
            if (parsed.GetValue(input) is not null && task is null) throw new InputException("--input goes with --instruction");
            if (parsed.GetValue(output) is not null && file is null) throw new InputException("--out goes with --batch");
            IReadOnlyList<PromptRequest> prompts = file is not null ? PromptRequest.ReadFile(file)
                : [new(task, parsed.GetValue(input) ?? "", raw, tokens is null ? null : TokenIds.Parse(tokens, ids.Name), "")];
            var templated = prompts[0].Instruction is not null;
            if (prompts.FirstOrDefault(p => p.Instruction is not null != templated) is { } other)
                throw new InputException(
                    $"{other.Source}: instructions and texts cannot be mixed, as answers to instructions end where " +
                    "the template says");
            using var loaded = ModelLoading.Load(parsed.GetValue(model), parsed.GetValue(adapter), parsed.GetValue(template),
                parsed.GetValue(tokenizer), terminal, parsed.GetValue(weights),
                parsed.GetValue(quantization));
            ModelLoading.AddDraft(loaded, sampling.Draft(parsed), terminal);
            if (templated && parsed.GetValue(template) is null) ModelLoading.SayTemplate(loaded.TemplateChoice, terminal);
            var how = sampling.Read(parsed, loaded, templated);
            if (file is null) Answer(loaded, prompts[0].Encode(loaded), how, parsed.GetValue(json), terminal, cancel);
            else
                BatchAnswers.Write(loaded, prompts, how, parsed.GetValue(size), parsed.GetValue(output), parsed.GetValue(json),
                    terminal,
                    cancel);
            return Task.FromResult(cancel.IsCancellationRequested ? ExitCode.Failed : ExitCode.Done);
        });
        return verb;
    }

    private static void Answer(LanguageModel model, int[] prompt, GenerationOptions options, bool json, Terminal terminal,
        CancellationToken cancel)
    {
        if (json) WriteJson(model, prompt, options, terminal, cancel);
        else if (!model.HasTokenizer)
            terminal.Out.WriteLine(string.Join(' ', model.Generator.Stream(prompt, options, cancel: cancel)));
        else
        {
            Streaming.Show(model, prompt, options, terminal, cancel);
            terminal.Out.WriteLine();
        }
    }

    private static void WriteJson(LanguageModel model, int[] prompt, GenerationOptions options, Terminal terminal,
        CancellationToken cancel)
    {
        IReadOnlyList<Hypothesis> found = options.Beams > 1 ? model.Generator.Search(prompt, options, cancel) : [];
        var best = found.Count > 0 ? found[0].Tokens : [.. model.Generator.Stream(prompt, options, cancel: cancel)];
        terminal.WriteJson(w => w.Object(o =>
        {
            BatchAnswers.Members(o, model, best, options);
            if (options.Beams > 1)
                o.Array("hypotheses", found, one => o.Object(h =>
                {
                    BatchAnswers.Members(h, model, one.Tokens, options);
                    h.WriteNumber("score", one.Score);
                }));
        }));
    }
}
