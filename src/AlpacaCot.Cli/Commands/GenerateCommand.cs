using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>generate</c>: answers an instruction or a file of prompts, or continues a text or token ids.</summary>
internal sealed class GenerateCommand(Terminal terminal)
{
    private readonly Option<string> _model = Options.Model(required: true), _adapter = Options.Adapter(),
        _tokenizer = Options.Tokenizer(), _template = Options.Template();

    private readonly Option<string> _instruction = Options.Text("--instruction", "Instruction; the prompt template wraps it");
    private readonly Option<string> _input = Options.Text("--input", "With --instruction: the input of the instruction");
    private readonly Option<string> _text = Options.Text("--text", "Text to continue, without a template");
    private readonly Option<string> _ids = Options.InputIds("Token ids to continue");
    private readonly Option<string> _batch = Options.File("--batch",
        "File of prompts in any format of instruction data, answers not needed: records with an instruction, text to continue, "
        + "or ids; in a .txt file one instruction per line");
    private readonly ReadingOptions _reading = new();

    private readonly Option<string> _out = Options.Out("With --batch: output file, one JSON object per line");
    private readonly Option<int> _batchSize = Options.Positive("--batch-size", "Maximum number of sequences at a time", "N", 64);
    private readonly Sampling _sampling = new();
    private readonly ComputeOptions _compute = new(withWeights: true);
    private readonly Option<bool> _json = Options.Json(
        "Print one JSON document: ids and text (cut_at_positions: true where the model has no further positions); with --beams "
            + "also "
        + "hypotheses (ids, text, score), best first; with --batch prompts, tokens, seconds, and answers or out");

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new GenerateCommand(terminal);
        return new DocumentedCommand("generate", CommandGroup.Use,
            "Answer an instruction or a file of them, or continue a text or token ids",
            "generate --model path/to/model --adapter runs/my-run --instruction \"Name three colours.\"",
            "generate --model path/to/model --text \"Once upon a time\" --temperature 0.8 --top-p 0.9 --seed 7",
            "generate --model path/to/model --instruction \"Name three colours.\" --beams 4 --length-penalty 1.2 --json",
            "generate --model path/to/model --instruction \"Name three colours.\" --preset alpaca-cot",
            "generate --model path/to/model --batch prompts.jsonl --out answers.jsonl",
            "generate --model path/to/model --batch prompts.jsonl --device cuda:1 --dtype bfloat16 --out answers.jsonl",
            "generate --model path/to/model --draft path/to/small-model --text \"Once upon a time\"",
            "generate --model path/to/model --input-ids \"1,403,407\" --max-new-tokens 20 --greedy --json")
        {
            command._model, command._adapter, command._tokenizer, command._template, command._instruction, command._input,
            command._text, command._ids, command._batch, command._reading.All, command._out, command._batchSize,
                command._sampling.All,
            command._compute.All, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (task, raw, tokens, file) =
            (parsed.GetValue(_instruction), parsed.GetValue(_text), parsed.GetValue(_ids), parsed.GetValue(_batch));
        if (new[] { task, raw, tokens, file }.Count(v => v is not null) != 1)
            throw new InputException(
                "generate needs exactly one of --instruction TEXT, --text TEXT, --input-ids IDS and --batch FILE");
        if (parsed.GetValue(_input) is not null && task is null) throw new InputException("--input needs --instruction");
        if (parsed.GetValue(_out) is not null && file is null) throw new InputException("--out needs --batch");
        if (_reading.IsGiven(parsed) && file is null) throw new InputException("--format and --columns need --batch");
        IReadOnlyList<PromptRequest> prompts = file is not null
            ? PromptRequest.ReadFile(file, _reading.Read(parsed, terminal))
            : [new(task, parsed.GetValue(_input) ?? "", raw, tokens is null ? null : TokenIds.Parse(tokens, _ids.Name), "")];
        var templated = prompts[0].HasTemplate;
        if (prompts.FirstOrDefault(p => p.HasTemplate != templated) is { } other)
            throw new InputException(
                $"{other.Source}: a file has either instructions or texts, because only answers to instructions end at the " +
                "stop texts of the template");
        var storage = _compute.Read(parsed);
        using var loaded = ModelLoading.Load(parsed.GetValue(_model), parsed.GetValue(_adapter), parsed.GetValue(_template),
            parsed.GetValue(_tokenizer), storage, terminal);
        ModelLoading.AddDraft(loaded, _sampling.Draft(parsed), storage.Compute, terminal);
        if (templated && parsed.GetValue(_template) is null) ModelLoading.ShowTemplate(loaded.TemplateChoice, terminal);
        var options = _sampling.Read(parsed, loaded, templated);
        if (file is null) Answer(loaded, prompts[0].Encode(loaded), options, parsed.GetValue(_json), terminal, cancel);
        else
            BatchAnswers.Write(loaded, prompts, options, parsed.GetValue(_batchSize), parsed.GetValue(_out),
                parsed.GetValue(_json), terminal, cancel);
        return cancel.IsCancellationRequested ? ExitCode.Failed : ExitCode.Done;
    }

    private static void Answer(LanguageModel model, int[] prompt, GenerationOptions options, bool json, Terminal terminal,
        CancellationToken cancel)
    {
        if (json) WriteJson(model, prompt, options, terminal, cancel);
        else if (model.HasTokenizer) Streaming.Show(model, prompt, options, terminal, cancel);
        else
        {
            int[] answer = [.. model.Generator.Stream(prompt, options, cancel: cancel)];
            terminal.Out.WriteLine(string.Join(' ', answer));
            Streaming.NoteCut(model, prompt.Length, answer, options, terminal);
        }
    }

    private static void WriteJson(LanguageModel model, int[] prompt, GenerationOptions options, Terminal terminal,
        CancellationToken cancel)
    {
        IReadOnlyList<Hypothesis> found = options.Beams > 1 ? model.Generator.Search(prompt, options, cancel) : [];
        var best = found.Count > 0 ? found[0].Tokens : [.. model.Generator.Stream(prompt, options, cancel: cancel)];
        terminal.WriteJson(w => w.Object(o =>
        {
            BatchAnswers.Members(o, model, prompt.Length, best, options);
            if (options.Beams > 1)
                o.Array("hypotheses", found, one => o.Object(h =>
                {
                    BatchAnswers.Members(h, model, prompt.Length, one.Tokens, options);
                    h.WriteNumber("score", one.Score);
                }));
        }));
        Streaming.NoteCut(model, prompt.Length, best, options, terminal);
    }
}
