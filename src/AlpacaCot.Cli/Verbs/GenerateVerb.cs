using System.CommandLine;
using AlpacaCot.Cli.Display;
using AlpacaCot.Data;
using AlpacaCot.Data.Conversations;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;

namespace AlpacaCot.Cli.Verbs;

/// <summary><c>generate</c>: one answer, or the continuation of a text or of token ids.</summary>
internal static class GenerateVerb
{
    public static Verb Create(Terminal terminal)
    {
        var model = Options.Model();
        model.Required = true;
        var (adapter, tokenizer, template) = (Options.Adapter(), Options.Tokenizer(), Options.Template());
        var instruction = Options.Text("--instruction", "What to do; the prompt template goes around it");
        var input = Options.Text("--input", "The material the instruction works on");
        var text = Options.Text("--text", "A text to continue as it stands, without a template");
        var ids = Options.InputIds();
        ids.Description = "Token ids to continue, as in \"1,2,3\"";
        var sampling = new Sampling();
        var (device, dtype, json) = (Options.Device(), Options.Dtype(), Options.Json());
        var verb = new Verb("generate", VerbGroup.Use, "Answer one instruction, or continue a text or token ids",
            "generate --model path/to/model --adapter runs/my-run/adapter --instruction \"Name three colours.\"",
            "generate --model path/to/model --text \"Once upon a time\" --temperature 0.8 --top-p 0.9 --seed 7",
            "generate --model path/to/model --input-ids \"1,403,407\" --max-new-tokens 20 --greedy --json")
        {
            model, adapter, tokenizer, template, instruction, input, text, ids,
        };
        sampling.AddTo(verb);
        foreach (var option in new Option[] { device, dtype, json }) verb.Add(option);
        verb.SetAction((parsed, cancel) =>
        {
            var (task, raw, tokens) = (parsed.GetValue(instruction), parsed.GetValue(text), parsed.GetValue(ids));
            if (new[] { task, raw, tokens }.Count(v => v is not null) != 1)
                throw new InputException("generate takes one of --instruction TEXT, --text TEXT and --input-ids IDS");
            if (parsed.GetValue(input) is not null && task is null) throw new InputException("--input goes with --instruction");
            var prompt = tokens is null ? null : TokenIds.Parse(tokens, ids.Name);
            using var loaded = ModelLoading.Load(parsed.GetValue(model), parsed.GetValue(adapter), parsed.GetValue(template),
                parsed.GetValue(tokenizer), terminal);
            prompt ??= raw is not null ? loaded.Tokenizer.Encode(raw)
                : loaded.EncodePrompt(new Conversation([new Turn(Role.User, task!, parsed.GetValue(input) ?? "")]));
            var how = sampling.Read(parsed, loaded, withTemplate: task is not null);
            Answer(loaded, prompt, how, parsed.GetValue(json), terminal, cancel);
            return Task.FromResult(cancel.IsCancellationRequested ? Program.Failed : Program.Done);
        });
        return verb;
    }

    private static void Answer(LanguageModel model, int[] prompt, GenerationOptions options, bool json, Terminal terminal,
        CancellationToken cancel)
    {
        if (json || !model.HasTokenizer)
        {
            int[] ids = [.. model.Generator.Stream(prompt, options, cancel)];
            if (!json) terminal.Out.WriteLine(string.Join(' ', ids));
            else
                terminal.WriteJson(w => w.Object(o =>
                {
                    o.Ids("ids", ids);
                    if (model.HasTokenizer) o.WriteString("text", Streaming.Whole(model.Tokenizer, ids, options.StopStrings));
                    else o.WriteNull("text");
                }));
            return;
        }
        Streaming.Show(model, prompt, options, terminal, cancel);
        terminal.Out.WriteLine();
    }
}
