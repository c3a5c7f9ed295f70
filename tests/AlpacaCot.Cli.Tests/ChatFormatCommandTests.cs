using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Models;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Cli.Tests;

/// <summary>A model with a chat template of its own: every command uses it without being asked.</summary>
public sealed class ChatFormatCommandTests : IDisposable
{
    private const string ChatMl = "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
        + "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private const string Own = "the model's own (chat_template.jinja)";

    private readonly TemporaryFolder _folder = new();
    private readonly string _model, _data;

    public ChatFormatCommandTests()
    {
        _model = new TinyModel().WriteFolder(_folder.File("model"));
        File.WriteAllText(Path.Combine(_model, "chat_template.jinja"), ChatMl);
        _data = _folder.Write("d.json", TinyModel.Records(8));
    }

    public void Dispose() => _folder.Dispose();

    private string Recipe(string more = "") => _folder.Write("r.yaml", $$"""
        model: {{_model}}
        data: [d.json]
        training: { batch_size: 4, max_steps: 1, threads: 1 }
        output: {{_folder.File("run")}}
        {{more}}
        """);

    [Fact]
    public async Task Inspect_shows_the_models_own_template_and_labels_only_answers()
    {
        string[] line = ["inspect", "--data", _data, "--model", _model, "--record", "2", "--json"];
        var json = (await CommandLine.Run(line)).Json();
        Assert.Equal(("chat_template.jinja", Own),
            (json.GetProperty("template").GetString(), json.GetProperty("template_origin").GetString()));
        Assert.Equal("<s><|im_start|>user\nSay the number 1.<|im_end|>\n<|im_start|>assistant\n"
            + "The number is 1. The number is 1.<|im_end|>\n", json.GetProperty("text").GetString());
        var tokenizer = Tokenizer.Load(_model);
        Assert.Equal("The number is 1. The number is 1.<|im_end|>\n",
            tokenizer.Decode([.. json.Ints("labels").Where(l => l >= 0)], skipSpecial: false));
        Assert.Equal(1, json.Ints("ids").Count(id => id == tokenizer.BosId));

        var alpaca = (await CommandLine.Run([.. line, "--template", "alpaca"])).Json();
        Assert.Contains("### Instruction:", alpaca.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Equal("alpaca, as asked", alpaca.GetProperty("template_origin").GetString());
        Assert.Contains($"template: {Own}", (await CommandLine.Run(line[..^1])).Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lora", "adapter")]
    [InlineData("none", "model")]
    public async Task Training_uses_it_and_the_result_keeps_it(string method, string result)
    {
        var trained = await CommandLine.Run("train", Recipe($"adapter: {method}"));
        Assert.True(trained.Code == ExitCode.Done, trained.Error);
        Assert.Contains($"template: {Own}", trained.Out, StringComparison.Ordinal);
        Assert.Contains("template: model", File.ReadAllText(_folder.File("run/recipe.yaml")), StringComparison.Ordinal);
        var kept = File.ReadAllText(_folder.File($"run/{result}/prompt_template.json"));
        Assert.Contains("\"kind\": \"jinja\"", kept, StringComparison.Ordinal);
        var resumed = await CommandLine.Run("train", _folder.File("r.yaml"), "--resume");
        Assert.True(resumed.Code == ExitCode.Done, resumed.Error);

        // Even where the base model loses or changes its own.
        File.WriteAllText(Path.Combine(_model, "chat_template.jinja"), "other");
        var (model, stored) = result == "model" ? (_folder.File("run/model"), "stored with the model")
            : (_model, "stored with the adapter");
        string[] adapter = result == "model" ? [] : ["--adapter", _folder.File("run")];
        using (var loaded = LanguageModel.Load(model, adapter.LastOrDefault()))
        {
            Assert.Equal($"chat_template.jinja, {stored}", loaded.TemplateChoice.Description);
            Assert.Equal(kept, loaded.Template.ToJson());
            Assert.Equal(["<|im_end|>"], loaded.Template.Stop);
        }
        string[] question = ["--model", model, .. adapter, "--max-new-tokens", "4"];
        var answer = await CommandLine.Run(["generate", "--instruction", "Say.", "--json", .. question]);
        Assert.Contains(stored, answer.Error, StringComparison.Ordinal);
        var asText = await CommandLine.Run(["generate", "--json", .. question, "--input-ids", string.Join(',',
            Tokenizer.Load(_model).Encode("<s><|im_start|>user\nSay.<|im_end|>\n<|im_start|>assistant\n", addSpecial: false))]);
        Assert.Equal(asText.Json().Ints("ids"), answer.Json().Ints("ids"));
        var talk = await CommandLine.RunWithInput("/system Be kind.\nSay.\nAgain.\n/quit\n", ["chat", .. question]);
        Assert.True(talk.Code == ExitCode.Done, talk.Error);
        Assert.Contains(stored, talk.Out, StringComparison.Ordinal);
        var asked = _folder.Write("q.jsonl", """{"prompt":"Say.","reference":"1","category":"numbers"}""");
        string[] evaluate = ["evaluate", "--benchmark", "file", "--data", asked, "--json", .. question];
        var shown = (await CommandLine.Run([.. evaluate, "--show-prompts"])).Json().GetProperty("prompts")[0];
        Assert.Equal("<s><|im_start|>user\nSay.<|im_end|>\n<|im_start|>assistant\n", shown.GetProperty("prompt").GetString());
        var scored = await CommandLine.Run([.. evaluate, "--cache", _folder.File("cache")]);
        Assert.Equal(1, scored.Json().GetProperty("questions").GetInt32());
        Assert.Contains(stored, scored.Error, StringComparison.Ordinal);
        var plain = (await CommandLine.Run([.. evaluate, "--show-prompts", "--template", "plain"])).Json();
        Assert.Equal("Say.", plain.GetProperty("prompts")[0].GetProperty("prompt").GetString());
    }

    [Fact]
    public async Task A_named_template_in_a_recipe_goes_before_it_and_an_unstable_one_is_refused()
    {
        var trained = await CommandLine.Run("train", Recipe("template: alpaca"));
        Assert.True(trained.Code == ExitCode.Done, trained.Error);
        using (var loaded = LanguageModel.Load(_model, _folder.File("run"))) Assert.Equal("alpaca", loaded.Template.Name);
        using (var loaded = LanguageModel.Load(_model)) Assert.Equal(Own, loaded.TemplateChoice.Description);

        File.WriteAllText(Path.Combine(_model, "chat_template.jinja"),
            "{% for m in messages %}{{ m.content }};{% endfor %}{% if add_generation_prompt %}<think>{% endif %}");
        var refused = await CommandLine.Run("train", Recipe(), "--overwrite");
        Assert.Equal(ExitCode.WrongUsage, refused.Code);
        Assert.All(["d.json, record 1", "is unknown", "template: alpaca"],
            part => Assert.Contains(part, refused.Error, StringComparison.Ordinal));

        File.WriteAllText(Path.Combine(_model, "chat_template.jinja"), "{% include 'x' %}");
        (await CommandLine.Run("generate", "--model", _model, "--instruction", "Say.")).Refused("chat_template.jinja, line 1");
        Assert.Equal(ExitCode.Done,
            (await CommandLine.Run("generate", "--model", _model, "--text", "Say", "--max-new-tokens", "2")).Code);
    }
}
