using System.Text.Json;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Text.Tests.Templates;

/// <summary>Chat templates as models ship them, against renderings by Jinja2 as transformers calls it.</summary>
public sealed class ChatTemplateTests : IDisposable
{
    private static readonly DateTime Day = new(2024, 7, 26);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static ChatTemplate Published(string name) => ChatTemplate.Load(ReferenceData.Path($"data/templates/{name}"));

    private static Dictionary<string, JsonElement> Tokens(string bos, string eos) => new()
    {
        ["bos_token"] = JsonElement.Parse(JsonSerializer.Serialize(bos)),
            ["eos_token"] = JsonElement.Parse(JsonSerializer.Serialize(eos)),
    };

    [Fact]
    public void Every_recorded_rendering_is_identical()
    {
        var file = ReferenceData.Path("data/golden/chat_templates/renderings.dev.json");
        using var golden = JsonDocument.Parse(File.ReadAllText(file));
        var templates = new Dictionary<string, ChatTemplate>();
        var (rendered, refused, spans) = (0, 0, 0);
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            var name = item.GetProperty("template").GetString()!;
            if (!templates.TryGetValue(name, out var template)) templates[name] = template = Published(name);
            var input = new ChatInput
            {
                Messages = item.GetProperty("messages"),
                Tools = item.GetProperty("tools") is { ValueKind: JsonValueKind.Array } tools ? tools : null,
                AddGenerationPrompt = item.GetProperty("add_generation_prompt").GetBoolean(),
                Variables = Tokens(item.GetProperty("bos_token").GetString()!, item.GetProperty("eos_token").GetString()!),
                Now = Day,
            };
            var what = $"{name}, {item.GetProperty("case")}";
            if (item.TryGetProperty("error", out var error))
            {
                var message = Assert.Throws<InputException>(() => template.Render(input)).Message;
                Assert.Contains(", line ", message);
                if (error.GetString()!.Split(": ", 2) is ["TemplateError", var said]) Assert.Contains(said, message);
                refused++;
                continue;
            }
            var result = template.Render(input);
            Assert.True(result.Text == item.GetProperty("rendered").GetString(), $"{what}:\n{result.Text}");
            rendered++;
            if (!item.TryGetProperty("assistant_spans", out var expected)) continue;
            Assert.Equal(expected.EnumerateArray().Select(span => (span[0].GetInt32(), span[1].GetInt32())),
                result.Generated!.Select(span => (Characters(result.Text, span.Start), Characters(result.Text, span.End))));
            spans++;
        }
        Assert.Equal((114, 14, 16), (rendered, refused, spans));
    }

    private static int Characters(string text, Index offset) => text[..offset.Value].EnumerateRunes().Count();

    /// <summary>Conversations with and without a system turn, of several rounds, Chinese, emoji, an empty answer.</summary>
    private static IEnumerable<Conversation> Conversations(bool system) =>
        from opening in system ? (Turn[][])[[], [new(Role.System, "Be kind.")], [new(Role.System, "请用中文回答。🙂")]] : [[]]
        from rounds in (string[][])[["Hi", "Hello."], ["你好", "很好 🙂", "Why?", "So."], ["a\nb", "", "c {x}", "d", "e", "f"]]
        select new Conversation([.. opening, .. rounds.Select((text, i) => new Turn(i % 2 == 0 ? Role.User : Role.Assistant,
            text))]);

    [Theory]
    [InlineData("chatml", "axolotl/chatml.jinja", "", true)]
    [InlineData("chatml", "trl/qwen2_5.jinja", "", null)]
    [InlineData("llama3", "axolotl/llama3.jinja", "<s>", true)]
    [InlineData("llama3", "trl/llama3_training.jinja", "<s>", true)]
    [InlineData("gemma", "llama.cpp/google-gemma-2-2b-it.jinja", "<s>", false)]
    [InlineData("phi3", "llama.cpp/microsoft-Phi-3.5-mini-instruct.jinja", "", true)]
    [InlineData("mistral", "axolotl/mistral_v1.jinja", "<s>", true)]
    public void A_named_form_says_what_the_shipped_template_says(string name, string shipped, string bos, bool? system)
    {
        var (form, template) = (PromptTemplates.Find(name), Published(shipped));
        // Qwen's template puts a system turn of its own where there is none.
        foreach (var conversation in Conversations(system ?? true).Where(c => system is not null
            || c.Turns[0].Role == Role.System))
        {
            var input = ChatTemplate.InputOf(conversation) with { Variables = Tokens("<s>", "</s>"), Now = Day };
            var mine = form.Render(conversation);
            Assert.Equal(template.Render(input).Text, bos + Text(mine));
            if (template.Render(input).Generated is null && !(name == "phi3" && conversation.Turns.Count > 3))
            {
                var (text, supervised) = template.RenderSupervised(input);
                Assert.Equal(supervised.Select(span => text[span]), Answers(mine));
            }
            var open = new Conversation([.. conversation.Turns.SkipLast(1)]);
            var prompt = ChatTemplate.InputOf(open) with { Variables = Tokens("<s>", "</s>"), AddGenerationPrompt = true,
                Now = Day };
            Assert.Equal(template.Render(prompt).Text, bos + Text(form.RenderPrompt(open)));
        }
    }

    private static string Text(IEnumerable<Segment> segments) =>
        string.Concat(segments.Select(s => s.Special == SpecialToken.Eos ? "</s>" : s.Text));

    private static List<string> Answers(IEnumerable<Segment> segments)
    {
        var answers = new List<string>();
        var inAnswer = false;
        foreach (var segment in segments)
        {
            if (segment.Supervised && inAnswer) answers[^1] += Text([segment]);
            else if (segment.Supervised) answers.Add(Text([segment]));
            inAnswer = segment.Supervised;
        }
        return answers;
    }

    [Fact]
    public void Assistant_turns_are_supervised_by_construction()
    {
        var path = _folder.Write("t.jinja", "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}!{% endfor %}"
            + "{% if add_generation_prompt %}[assistant]{% endif %}");
        var conversation = new Conversation([
            new(Role.User, "assistant", "in"), new(Role.Assistant, "[assistant]"), new(Role.User, "b"), new(Role.Assistant, "c"),
        ]);
        Assert.Equal([("[user]assistant\nin![assistant]", false), ("[assistant]!", true), ("[user]b![assistant]", false),
            ("c!", true)],
            ChatTemplate.Load(path).Render(conversation).Select(s => (s.Text, s.Supervised)));
        var marked = _folder.Write("m.jinja",
            "{% for m in messages %}{% if m.role == 'assistant' %}a:{% generation %}{{ m.content }}"
            + "{% endgeneration %}.{% else %}{{ m.content }}{% endif %}{% endfor %}");
        Assert.Equal([("assistant\nina:", false), ("[assistant]", true), (".ba:", false), ("c", true), (".", false)],
            ChatTemplate.Load(marked).Render(conversation).Select(s => (s.Text, s.Supervised)));
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ m.content }}{% if loop.last and m.role == 'assistant' %}</s>{% endif %};{% endfor %}",
        "turn 2", "rendered differently")]
    [InlineData("{% for m in messages %}{{ m.content }};{% endfor %}{% if add_generation_prompt %}<think>{% endif %}",
        "turn 2", "does not begin with its prompt")]
    public void A_template_that_changes_what_was_said_is_refused(string template, string turn, string why)
    {
        var chat = ChatTemplate.Load(_folder.Write("t.jinja", template));
        var conversation = new Conversation([new(Role.User, "a"), new(Role.Assistant, "b"), new(Role.User, "c"),
            new(Role.Assistant, "d")])
        {
            Origin = "d.json, record 3",
        };
        var message = Assert.Throws<InputException>(() => chat.Render(conversation)).Message;
        Assert.StartsWith("d.json, record 3: ", message);
        Assert.All([turn, why, "{% generation %}"], part => Assert.Contains(part, message));
    }

    [Fact]
    public void The_template_of_a_model_folder_is_found()
    {
        _folder.Write("tokenizer_config.json", """
            {"bos_token": {"content": "<b>"}, "eos_token": "<e>", "chat_template": [
                {"name": "tool_use", "template": "tools"},
                {"name": "default", "template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}]}
            """);
        var input = ChatTemplate.InputOf(new Conversation([new(Role.User, "x")]));
        var config = Path.Combine(_folder.Path, "tokenizer_config.json");
        Assert.Equal("<b>x<e>", ChatTemplate.Load(config).Render(input).Text);
        Assert.Equal("<b>x<e>", ChatTemplate.Load(_folder.Path).Render(input).Text);
        _folder.Write("chat_template.jinja", "{{ eos_token }}\n");
        Assert.Equal("<e>", ChatTemplate.Load(_folder.Path).Render(input).Text);
        Assert.Contains("no \"chat_template\"", Assert.Throws<InputException>(() => ChatTemplate.Load(_folder.Write("x.json",
            "{}"))).Message);
        Assert.Contains("the chat template does not exist",
            Assert.Throws<InputException>(() => ChatTemplate.Load("nowhere.jinja")).Message);
    }

    [Fact]
    public void Forms_of_the_models_count_rounds_and_place_the_system_turn()
    {
        Turn[] rounds = [new(Role.User, "q"), new(Role.Assistant, "a"), new(Role.User, "r"), new(Role.Assistant, "b")];
        Turn[] system = [new(Role.System, "S"), .. rounds];
        Assert.Equal("[Round 0]\n问：q\n答：a</s>\n[Round 1]\n问：r\n答：b</s>",
            Text(PromptTemplates.Find("chatglm").Render(new(rounds))));
        Assert.Equal("[Round 1]\n\n问：q\n\n答：a</s>\n\n[Round 2]\n\n问：r\n\n答：b</s>",
            Text(PromptTemplates.Find("chatglm2").Render(new(rounds))));
        Assert.Equal("[INST] <<SYS>>\nS\n<</SYS>>\n\nq [/INST] a </s><s>[INST] r [/INST] b </s>",
            Text(PromptTemplates.Find("llama2-chat").Render(new(system))));
        Assert.Equal("S USER: q ASSISTANT: a</s>USER: r ASSISTANT: b</s>",
            Text(PromptTemplates.Find("vicuna").Render(new(system))));
        Assert.Equal("<|User|>:q<eoh>\n<|Bot|>:a<eoa>\n<|User|>:r<eoh>\n<|Bot|>:b<eoa>\n",
            Text(PromptTemplates.Find("internlm").Render(new(rounds))));
        Assert.EndsWith("possess.\n<|Human|>: q<eoh>\n<|MOSS|>: a<eom>\n<|Human|>: r<eoh>\n<|MOSS|>: b<eom>\n",
            Text(PromptTemplates.Find("moss").Render(new(rounds))));
        Assert.Equal("<reserved_102>q<reserved_103>a</s><reserved_102>r<reserved_103>b</s>",
            Text(PromptTemplates.Find("baichuan").Render(new(rounds))));
        Assert.Equal("Human: q\n\nAssistant:a</s>\n\nHuman: r\n\nAssistant:b</s>",
            Text(PromptTemplates.Find("belle").Render(new(rounds))));
    }
}
