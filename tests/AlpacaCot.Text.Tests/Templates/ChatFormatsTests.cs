using System.Text.Json;
using AlpacaCot.Data.Tests.Preparation;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Templates.Jinja;
using AlpacaCot.Text.Tests.Tokenization;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Templates;

/// <summary>Which template is used, and the tokens and labels that a model's own chat template gives.</summary>
public sealed class ChatFormatsTests : IDisposable
{
    private const string ChatMl = "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
        + "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private readonly TemporaryFolder _folder = new(), _adapter = new();

    public void Dispose()
    {
        _folder.Dispose();
        _adapter.Dispose();
    }

    private static Conversation Rounds(params string[] texts) =>
        new([.. texts.Select((text, i) => new Turn(i % 2 == 0 ? Role.User : Role.Assistant, text))]);

    private ChatFormatChoice Resolve(string? wanted = null) => ChatFormats.Resolve(wanted, _adapter.Path, _folder.Path);

    [Fact]
    public void The_nearest_template_wins_and_its_origin_is_known()
    {
        Assert.Equal("alpaca, the default, because the model has no chat template", Resolve().Description);
        Assert.Equal("alpaca", Resolve().RecipeWord);
        Assert.All(["the model contains no template", "chat_template.jinja", "alpaca"],
            part => Assert.Contains(part, Assert.Throws<InputException>(() => Resolve("model")).Message));

        _folder.Write("tokenizer_config.json", """
            {"bos_token": "<b>", "chat_template": [{"name": "tools", "template": "t"},
                {"name": "default", "template": "{{ bos_token }}c"}]}
            """);
        Assert.Equal("the model's own (tokenizer_config.json)", Resolve().Description);
        Assert.Equal("model", Resolve().RecipeWord);
        Assert.Equal("<b>c", Text(Resolve().Format.RenderPrompt(Rounds("x"))));
        _folder.Write("chat_template.json", """{"chat_template": "j"}""");
        Assert.Equal("the model's own (chat_template.json)", Resolve().Description);
        _folder.Write("chat_template.jinja", ChatMl);
        Assert.Equal("the model's own (chat_template.jinja)", Resolve().Description);

        _folder.Write(ChatFormats.FileName, PromptTemplates.Find("vicuna").ToJson());
        Assert.Equal("vicuna, stored with the model", Resolve().Description);
        _adapter.Write("tokenizer_config.json", """{"chat_template": "a"}""");
        Assert.Equal("the adapter's own (tokenizer_config.json)", Resolve().Description);
        _adapter.Write(ChatFormats.FileName, PromptTemplates.Find("belle").ToJson());
        Assert.Equal("belle, stored with the adapter", Resolve().Description);

        Assert.Equal("vicuna, stored with the model", Resolve("model").Description);
        Assert.Equal("chatml, as asked", Resolve("chatml").Description);
        var file = Path.Combine(_folder.Path, "chat_template.jinja");
        Assert.Equal("chat_template.jinja, as asked", Resolve(file).Description);
        Assert.StartsWith("<b><|im_start|>user", Text(Resolve(file).Format.RenderPrompt(Rounds("x"))));
        Assert.Contains("Unknown prompt template \"chatmll\"", Assert.Throws<InputException>(() => Resolve("chatmll")).Message);
    }

    [Fact]
    public void The_template_of_a_folder_goes_into_a_gguf_file()
    {
        SmallTokenizer.Load(_folder);
        _folder.Write("chat_template.jinja", ChatMl);
        Assert.Equal(ChatMl, GgufTokenizer.Find(_folder.Path, 0, "gpt-2").ChatTemplate);
    }

    [Fact]
    public void A_template_is_stored_whole_and_read_again()
    {
        SmallTokenizer.Load(_folder);
        _folder.Write("chat_template.jinja", ChatMl);
        var own = Resolve().Format;
        var stored = _adapter.Write(ChatFormats.FileName, own.ToJson());
        var again = Resolve();
        Assert.Equal("chat_template.jinja, stored with the adapter", again.Description);
        Assert.Equal(own.ToJson(), again.Format.ToJson());
        Assert.Equal(own.Render(Rounds("a", "b")), again.Format.Render(Rounds("a", "b")));
        Assert.DoesNotContain(_folder.Path, own.ToJson());
        Assert.Equal(own.ToJson(), ChatFormats.Find(stored).ToJson());
        Assert.Equal(own.ToJson(), ChatFormats.FromJson(own.ToJson()).ToJson());

        Assert.All(["vicuna", "alpaca", "chatml"], name => Assert.Equal(PromptTemplates.Find(name).ToJson(),
            ChatFormats.FromJson(PromptTemplates.Find(name).ToJson()).ToJson()));
        Assert.Contains("\"mustache\"", Assert.Throws<InputException>(() => ChatFormats.FromJson("""
            {"kind": "mustache", "name": "x", "bos_token": "", "eos_token": "", "source": ""}
            """)).Message);
        Assert.Contains("\"source\" is missing", Assert.Throws<InputException>(() => ChatFormats.FromJson("""
            {"kind": "jinja", "name": "x", "bos_token": "", "eos_token": ""}
            """)).Message);
    }

    [Fact]
    public void Labels_are_exactly_the_answers_and_bos_occurs_once()
    {
        var tokenizer = SmallTokenizer.Load(_folder);
        _folder.Write("chat_template.jinja", ChatMl);
        var format = Resolve().Format;
        var encoder = new ExampleEncoder(tokenizer, format, new() { CutoffLength = 1000 });
        var whole = new Conversation([new(Role.System, "Be kind."), .. Rounds("the", "other", "ü </s>", "### a").Turns]);
        var (ids, labels) = encoder.Encode(whole)!;
        Assert.Equal(1, ids.Count(id => id == tokenizer.BosId));
        Assert.Equal(tokenizer.BosId, ids[0]);
        Assert.Equal("other<|im_end|>\n### a<|im_end|>\n", tokenizer.Decode([.. labels.Where(l => l >= 0)], skipSpecial: false));
        Assert.Equal(ids.Select((id, i) => labels[i] < 0 ? -100 : id), labels);
        Assert.Equal(["<|im_end|>"], format.Stop);

        var prompt = encoder.EncodePrompt(Rounds("the", "other", "ü"));
        var example = encoder.Encode(Rounds("the", "other", "ü", "a"))!;
        Assert.Equal(prompt, example.Ids[..prompt.Length]);
        Assert.Equal(prompt.Length, Array.FindLastIndex(example.Labels, l => l < 0) + 1);

        var onInputs = new ExampleEncoder(tokenizer, format, new() { CutoffLength = 1000, TrainOnInputs = true });
        Assert.Equal([-100, .. ids[1..]], onInputs.Encode(whole)!.Labels);

        // Plain text has no heading, as in every format.
        var plain = Conversation.PlainText("the other");
        var alpaca = new ExampleEncoder(tokenizer, PromptTemplates.Find("alpaca"), new());
        Assert.Equal(alpaca.Encode(plain)!.Ids, encoder.Encode(plain)!.Ids);
        Assert.Equal(alpaca.Encode(plain)!.Labels, encoder.Encode(plain)!.Labels);
    }

    [Theory]
    [InlineData("json")]
    [InlineData("model")]
    public void Segments_give_the_ids_of_the_whole_text(string form)
    {
        // transformers encodes the rendered text as a whole and adds no tokens; here each answer is encoded separately.
        var tokenizer = form == "json" ? Golden.HuggingFace("llama2") : Golden.Shared("data/tokenizer/llama/tokenizer.model");
        using var golden = JsonDocument.Parse(File.ReadAllText(
            ReferenceData.Path("data/golden/chat_templates/renderings.dev.json")));
        var (prompts, otherwise, examples, unstable) = (0, 0, 0, 0);
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (item.TryGetProperty("error", out _) || item.GetProperty("tools").ValueKind == JsonValueKind.Array) continue;
            var messages = item.GetProperty("messages").EnumerateArray().ToList();
            if (messages.Any(m => m.GetProperty("content").ValueKind != JsonValueKind.String || m.EnumerateObject().Count() > 2))
                continue;
            var path = ReferenceData.Path("data/templates/" + item.GetProperty("template").GetString());
            var template = new ChatTemplate(JinjaTemplate.Parse(File.ReadAllText(path), path), path,
                item.GetProperty("bos_token").GetString()!, item.GetProperty("eos_token").GetString()!);
            var conversation = new Conversation([.. messages.Select(m => new Turn(
                Enum.Parse<Role>(m.GetProperty("role").GetString()!, ignoreCase: true), m.GetProperty("content").GetString()!))]);
            var encoder = new ExampleEncoder(tokenizer, template, new() { CutoffLength = 100_000, TrainOnInputs = true });
            var expected = tokenizer.Encode(item.GetProperty("rendered").GetString()!, addSpecial: false);
            var what = $"{item.GetProperty("template")}, {item.GetProperty("case")}";
            var isPrompt = item.GetProperty("add_generation_prompt").GetBoolean();
            if (isPrompt != (conversation.Turns[^1].Role != Role.Assistant)) continue;
            if (isPrompt)
            {
                var mine = encoder.EncodePrompt(conversation);
                if (expected.AsSpan().SequenceEqual(mine)) prompts++;
                else
                {
                    // A token of the whole text may cross the border of an earlier answer; training encodes the segments too.
                    Assert.True(conversation.Turns.Any(t => t.Role == Role.Assistant), what);
                    otherwise++;
                }
                continue;
            }
            TokenizedExample? example;
            try
            {
                example = encoder.Encode(conversation);
            }
            catch (InputException refused)
            {
                Assert.Contains("is unknown", refused.Message);
                unstable++;
                continue;
            }
            Assert.True(expected.AsSpan().SequenceEqual(example!.Ids), what);
            examples++;
        }
        // LLaMA's tokenizer.json matches </s> in the normalized text, so the text after it gets no word-start mark of its own.
        Assert.Equal((21, 6, 14, 0), (prompts, otherwise, examples, unstable));
    }

    [Fact]
    public void An_unstable_template_is_refused_for_training_but_answers()
    {
        _folder.Write("chat_template.jinja",
            "{% for m in messages %}{{ m.content }}{% if loop.last and m.role == 'assistant' %}</s>{% endif %};{% endfor %}");
        var format = Resolve().Format;
        var message = Assert.Throws<InputException>(() => format.Render(Rounds("a", "b", "c", "d"))).Message;
        Assert.All(["turn 2", "cannot be used for training", "template: alpaca"], part => Assert.Contains(part, message));
        Assert.Equal("a;b;c;", Text(format.RenderPrompt(Rounds("a", "b", "c"))));
    }

    private static string Text(IEnumerable<Segment> segments) => string.Concat(segments.Select(s => s.Spelled("", "</s>")));
}
