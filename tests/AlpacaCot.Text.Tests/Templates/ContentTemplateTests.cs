using System.Text.Json;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Text.Tests.Templates;

/// <summary>Tool calls, reasoning, images and dialogues that the assistant opens, in named templates and models' own.</summary>
public sealed class ContentTemplateTests : IDisposable
{
    private static readonly JsonElement Weather = JsonElement.Parse("""
        {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
        """);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static ToolCall Call(string city, string id = "") =>
        new("weather", JsonElement.Parse($$"""{"city": "{{city}}"}"""), id);

    private static Conversation Record(params Turn[] turns) => new(turns) { Origin = "d.jsonl, record 3", Tools = [Weather] };

    /// <summary>TRL 2429: calls with results, several in a turn, with and without text.</summary>
    private static IEnumerable<Conversation> Dialogues()
    {
        yield return Record(new(Role.System, "Be kind."), new(Role.User, "Oslo?"),
            new(Role.Assistant, "") { Calls = [Call("Oslo", "a1")] },
            new(Role.Tool, "3 C") { ToolName = "weather", ToolCallId = "a1" }, new(Role.Assistant, "3 degrees."));
        yield return Record(new(Role.System, "Be kind."), new(Role.User, "Oslo and Rome?"),
            new(Role.Assistant, "Let me look.") { Calls = [Call("Oslo"), Call("Rome")] },
            new(Role.Tool, "3 C"), new(Role.Tool, "20 C"), new(Role.Assistant, "3 and 20."));
    }

    private static string Text(IEnumerable<Segment> segments) => string.Concat(segments.Select(s => s.Text));

    private static List<string> Supervised(IEnumerable<Segment> segments) =>
        [.. segments.Where(s => s.Supervised && s.Text.Length > 0).Select(s => s.Text)];

    private static string Refused(IChatFormat format, Conversation record) =>
        Assert.Throws<InputException>(() => format.Render(record)).Message;

    [Fact]
    public void Chatml_writes_tools_and_calls_as_qwen_does()
    {
        var qwen = ChatTemplate.Load(ReferenceData.Path("data/templates/llama.cpp/Qwen-Qwen2.5-7B-Instruct.jinja"));
        var chatml = PromptTemplates.Find("chatml");
        foreach (var record in Dialogues())
        {
            Assert.Equal(Text(qwen.Render(record)), Text(chatml.Render(record)));
            Assert.Equal(Supervised(qwen.Render(record)), Supervised(chatml.Render(record)));
            Assert.Equal(Text(qwen.RenderPrompt(record)), Text(chatml.RenderPrompt(record)));
        }
        var called = Supervised(chatml.Render(Dialogues().First()));
        Assert.Equal(["<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call><|im_end|>\n",
            "3 degrees.<|im_end|>\n"], called);
    }

    [Fact]
    public void Llama3_writes_tools_and_calls_as_llama_3_1_does()
    {
        var own = ChatTemplate.Load(ReferenceData.Path("data/templates/llama.cpp/meta-llama-Llama-3.1-8B-Instruct.jinja"));
        var llama3 = PromptTemplates.Find("llama3");
        var record = Dialogues().First();
        Assert.Equal(Supervised(own.Render(record)), Supervised(llama3.Render(record)));
        // The published text differs in the system turn, which holds dates.
        var user = "<|start_header_id|>user<|end_header_id|>";
        Assert.Equal(Text(own.Render(record)).Split(user)[1], Text(llama3.Render(record)).Split(user)[1]);
        Assert.Contains("turn 3 contains 2 tool calls; a turn of the template llama3 is either text or one call. Use chatml",
            Refused(llama3, Dialogues().Last()));
    }

    /// <summary>The form that Mistral publishes for its tokenizer of version 3, written down for one dialogue.</summary>
    [Fact]
    public void Mistral_v3_writes_tools_calls_and_results_as_mistral_does()
    {
        var mistral = PromptTemplates.Find("mistral-v3");
        const string Tools =
            "[AVAILABLE_TOOLS] [{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"parameters\": {\"type\": "
            + "\"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}}}][/AVAILABLE_TOOLS]";
        var record = Record(new(Role.System, "Be kind."), new(Role.User, "Hi"), new(Role.Assistant, "Hello."),
            new(Role.User, "Oslo and Rome?"), new(Role.Assistant,
                "") { Calls = [Call("Oslo", "abcDEF123"), Call("Rome", "call_2")] },
            new(Role.Tool, "{\"c\":20}") { ToolCallId = "call_2" }, new(Role.Tool, "3 \"C\"") { ToolCallId = "abcDEF123" },
            new(Role.Assistant, "3 and 20."));
        Assert.Equal("[INST] Hi[/INST] Hello." + Tools + "[INST] Be kind.\n\nOslo and Rome?[/INST]"
            + "[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}, \"id\": \"abcDEF123\"}, "
            + "{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}, \"id\": \"000000001\"}]"
            + "[TOOL_RESULTS] {\"content\": {\"c\": 20}, \"call_id\": \"000000001\"}[/TOOL_RESULTS]"
            + "[TOOL_RESULTS] {\"content\": \"3 \\\"C\\\"\", \"call_id\": \"abcDEF123\"}[/TOOL_RESULTS] 3 and 20.",
            Text(mistral.Render(record)));
        var supervised = Supervised(mistral.Render(record));
        Assert.Equal([" Hello.", " 3 and 20."], [supervised[0], supervised[2]]);
        Assert.StartsWith("[TOOL_CALLS] [{", supervised[1], StringComparison.Ordinal);
        Assert.Equal(3, mistral.Render(record).Count(s => s.Special == SpecialToken.Eos));
        // Results without identifiers belong to the calls in order.
        var plain = Text(mistral.Render(Record(new(Role.User, "?"), new(Role.Assistant, "") { Calls = [Call("a"), Call("b")] },
            new(Role.Tool, "1"), new(Role.Tool, "2"), new(Role.Assistant, "3"))));
        Assert.Contains("{\"content\": 1, \"call_id\": \"000000000\"}", plain, StringComparison.Ordinal);
        Assert.Contains("{\"content\": 2, \"call_id\": \"000000001\"}", plain, StringComparison.Ordinal);
        // The prompt for the first answer has system text and tools, because its question is the last one.
        var first = record with { Turns = [.. record.Turns.Take(2)] };
        Assert.Equal(Tools + "[INST] Be kind.\n\nHi[/INST]", Text(mistral.RenderPrompt(first)));
        Assert.Contains("turn 3 contains text and a tool call; a turn of the template mistral-v3 is either text or calls. Use "
            + "chatml",
            Refused(mistral, Dialogues().Last()));
        // Only special tokens of the record's own kind are parsed, and a template of one's own has the same keys.
        Assert.Equal(Text(mistral.Render(record)), Text(PromptTemplate.FromJson(mistral.ToJson()).Render(record)));
        foreach (var (key, value) in ((string, string)[])[("calls_in_turn", "two"), ("system_in_turn", "first"),
            ("calls_form", "x"),
            ("tools_before_user", "x")])
        {
            var json = System.Text.Json.Nodes.JsonNode.Parse(mistral.ToJson())!;
            json[key] = value;
            Assert.Contains(key, Assert.Throws<InputException>(() => PromptTemplate.FromJson(json.ToJsonString())).Message);
        }
    }

    [Theory]
    [InlineData("alpaca")]
    [InlineData("vicuna")]
    [InlineData("gemma")]
    public void A_template_without_a_form_for_calls_refuses_the_record_and_names_one_that_has_it(string name)
    {
        var record = Record(new(Role.User, "Oslo?"), new(Role.Assistant, "") { Calls = [Call("Oslo")] });
        var message = Refused(PromptTemplates.Find(name), record with { Tools = [] });
        Assert.Equal($"d.jsonl, record 3: turn 2 contains a tool call, for which the template {name} has no form. Use llama3, "
            + "chatml, "
            + "mistral-v3 or the model's own template (template: model).", message);
        Assert.Contains("the record defines tools, for which the template", Refused(PromptTemplates.Find(name), record));
        var result = new Conversation([new(Role.User, "Oslo?"), new(Role.Tool, "3 C"), new(Role.Assistant, "Cold.")]);
        Assert.Contains("turn 2 is a tool turn, which the template", Refused(PromptTemplates.Find(name), result));
    }

    [Theory]
    [InlineData("{{ m.content }}", "tool definition 1")]
    [InlineData("{{ tools|tojson }}{{ m.content }}", "tool call 1 of turn 2")]
    [InlineData("{{ tools|tojson }}{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}{% endfor %}",
        "the arguments of tool call 1 of turn 2")]
    public void A_chat_template_that_ignores_calls_refuses_them(string body, string what)
    {
        var chat = ChatTemplate.Load(_folder.Write("t.jinja", "{% for m in messages %}" + body + "{% endfor %}"));
        var record = Record(new(Role.User, "Oslo?"), new(Role.Assistant, "") { Calls = [Call("Oslo")] });
        Assert.Equal($"d.jsonl, record 3: {what} is not rendered by the template t.jinja. Use a template that renders it, such "
            + "as "
            + "chatml.", Refused(chat, record));
    }

    [Fact]
    public void Reasoning_is_rendered_masked_or_refused()
    {
        var record = Record(new(Role.User, "17*3?"), new(Role.Assistant, "51") { Reasoning = "17*3 = 51" }) with { Tools = [] };
        var masked = record with { Turns = [record.Turns[0], record.Turns[1] with { MasksReasoning = true }] };
        var own = ChatTemplate.Load(_folder.Write("t.jinja", "{% for m in messages %}<|im_start|>{{ m.role }}\n"
            + "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content.strip() }}\n</think>\n\n{% endif %}{{ m.content "
                + "}}<|im_end|>\n"
            + "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"));
        foreach (var format in (IChatFormat[])[PromptTemplates.Find("chatml"), own])
        {
            Assert.Equal(["<think>\n17*3 = 51\n</think>\n\n51<|im_end|>\n"], Supervised(format.Render(record)));
            Assert.Equal(["<think>\n", "\n</think>\n\n51<|im_end|>\n"], Supervised(format.Render(masked)));
            Assert.Equal("17*3 = 51", Assert.Single(format.Render(masked), s => s.Masked).Text);
            Assert.Equal(Text(format.Render(record)), Text(format.Render(masked)));
        }
        Assert.Equal("d.jsonl, record 3: turn 2 contains reasoning, for which the template alpaca has no form. Use chatml or the "
            + "model's own template (template: model), or leave it out with reasoning: drop.",
            Refused(PromptTemplates.Find("alpaca"), record));
        var blind = ChatTemplate.Load(_folder.Write("b.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}"));
        Assert.Contains("the reasoning of turn 2 is not rendered by the template b.jinja", Refused(blind, record));
    }

    [Fact]
    public void An_image_is_refused_by_record_and_part()
    {
        var image = new MediaPart("image", 2, JsonElement.Parse("{}"));
        var record = Record(new(Role.User, "What colour?") { Media = [image] }, new(Role.Assistant, "Red.")) with { Tools = [] };
        const string expected = "d.jsonl, record 3, turn 1, part 2 is an image; a language model reads text only. "
            + "Remove the record or the part.";
        var chat = ChatTemplate.Load(_folder.Write("t.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}"));
        foreach (var format in (IChatFormat[])[PromptTemplates.Find("alpaca"), chat])
        {
            Assert.Equal(expected, Refused(format, record));
            Assert.Equal(expected, Assert.Throws<InputException>(() => format.RenderPrompt(record)).Message);
            // LLaMA-Factory's layout: files beside a text with marks.
            var beside = new Conversation([new(Role.User, "<image>What colour?"), new(Role.Assistant, "Red.")])
            {
                Metadata = new Dictionary<string, JsonElement> { ["images"] = JsonElement.Parse("[\"a.png\"]") },
            };
            Assert.StartsWith("its \"images\" contains an image;", Refused(format, beside));
        }
    }

    [Fact]
    public void A_dialogue_that_the_assistant_opens_is_rendered_with_its_header_or_refused()
    {
        var record = Record(new(Role.Assistant, "Hi, I am your guide."), new(Role.User, "Where?"), new(Role.Assistant, "There."))
            with { Tools = [] };
        var own = ChatTemplate.Load(_folder.Write("t.jinja", "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
            + "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"));
        foreach (var format in (IChatFormat[])[PromptTemplates.Find("chatml"), own])
            Assert.Equal([("<|im_start|>assistant\n", false), ("Hi, I am your guide.<|im_end|>\n", true),
                ("<|im_start|>user\nWhere?<|im_end|>\n<|im_start|>assistant\n", false), ("There.<|im_end|>\n", true)],
                format.Render(record).Select(s => (s.Text, s.Supervised)));
        Assert.Equal("d.jsonl, record 3: turn 1 is an assistant turn; with the template alpaca a dialogue begins with a system "
            + "or user "
            + "turn. Use llama3, chatml, phi3 or the model's own template (template: model).",
            Refused(PromptTemplates.Find("alpaca"), record));
        Assert.Contains("turn 1 is an assistant turn", Refused(PromptTemplates.Find("llama2-chat"), record));
    }

    [Fact]
    public void Turns_that_a_record_excludes_are_masked_also_between_generation_blocks()
    {
        Turn[] turns = [new(Role.User, "2+2?"), new(Role.Assistant, "5") { Learn = false },
            new(Role.User, "Again?") { Learn = true },
            new(Role.Assistant, "4")];
        var marked = ChatTemplate.Load(_folder.Write("m.jinja",
            "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}"
            + "{% generation %}{{ m.content }}!{% endgeneration %}{% else %}{{ m.content }}!{% endif %}{% endfor %}"));
        var unmarked = ChatTemplate.Load(_folder.Write("u.jinja",
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}!{% endfor %}"
            + "{% if add_generation_prompt %}[assistant]{% endif %}"));
        foreach (var format in (IChatFormat[])[marked, unmarked])
        {
            var segments = format.Render(new(turns));
            Assert.Equal(["Again?!", "4!"], Supervised(segments));
            Assert.Equal("5!", Assert.Single(segments, s => s.Masked).Text);
        }
        var chatml = PromptTemplates.Find("chatml").Render(new(turns));
        Assert.Equal(["Again?<|im_end|>\n", "4<|im_end|>\n"], Supervised(chatml));
        Assert.Equal("5<|im_end|>\n", Assert.Single(chatml, s => s.Masked).Text);
    }

    [Fact]
    public void Braces_and_numbers_of_arguments_are_kept()
    {
        var call = new ToolCall("f", JsonElement.Parse("""{"a": {"b": [1.50, null, "}{name}"]}, "c": "é"}"""));
        var record = new Conversation([new(Role.User, "x"),
            new(Role.Assistant, "") { Calls = [call, new("g", ToolCall.ParseArguments("no JSON"))] }]);
        Assert.Equal("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": {\"b\": [1.5, null, \"}{name}\"]}, \"c\": "
            + "\"é\"}}\n</tool_call>\n"
            + "<tool_call>\n{\"name\": \"g\", \"arguments\": \"no JSON\"}\n</tool_call><|im_end|>\n",
            Supervised(PromptTemplates.Find("chatml").Render(record)).Single());
    }
}
