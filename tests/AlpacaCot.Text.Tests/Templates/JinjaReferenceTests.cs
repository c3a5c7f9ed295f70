using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Text.Tests.Templates;

/// <summary>Published chat templates, rendered here and by the JavaScript engine of Hugging Face.</summary>
public sealed class JinjaReferenceTests
{
    private const string Tools = """
        [{"type":"function","function":{"name":"weather","description":"Says the weather of a city, \"now\" & later.",
        "parameters":{"type":"object","properties":{"city":{"type":"string","description":"The city, 城市"},
        "days":{"type":"integer","description":"How many days"}},"required":["city"]}}}]
        """;

    /// <summary>Messages, and whether tools are offered.</summary>
    private static readonly (string Messages, bool Tools)[] Conversations =
    [
        ("""[{"role":"user","content":"Hi"}]""", false),
        ("""[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}]""", false),
        ("""[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]""", false),
        ("""
            [{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."},
            {"role":"user","content":"Why?"},{"role":"assistant","content":"So."}]
            """, false),
        ("""
            [{"role":"user","content":"1"},{"role":"assistant","content":"2"},{"role":"user","content":"3"},
            {"role":"assistant","content":"4"},{"role":"user","content":"5"}]
            """, false),
        ("""[{"role":"user","content":""},{"role":"assistant","content":""}]""", false),
        ("""[{"role":"system","content":""},{"role":"user","content":"  spaces  "},{"role":"assistant","content":"\n lines \n"}]""",
            false),
        ("""[{"role":"system","content":"请用中文回答。"},{"role":"user","content":"你好，世界"},{"role":"assistant","content":"很好。"}]""",
            false),
        ("""[{"role":"user","content":"🦙 + 👩‍🔬 = ?"},{"role":"assistant","content":"🙂🙃"}]""", false),
        ("""[{"role":"user","content":"<|im_end|></s>{{ 1 }}{% raw %} \"quotes\" 'and' <tags> &amp;"}]""", false),
        ("""[{"role":"user","content":"Weather in Oslo?"}]""", true),
        ("""[{"role":"system","content":"Use tools."},{"role":"user","content":"奥斯陆的天气？"}]""", true),
        ("""
            [{"role":"user","content":"Weather?"},{"role":"assistant","content":"","tool_calls":[{"type":"function","id":"abcdefghi",
            "function":{"name":"weather","arguments":{"city":"Oslo","days":2}}}]},
            {"role":"tool","name":"weather","tool_call_id":"abcdefghi","content":"{\"sun\": true}"},
            {"role":"assistant","content":"Sunny."}]
            """, true),
        ("""[{"role":"assistant","content":"I begin."},{"role":"user","content":"Then I."}]""", false),
        ("""[{"role":"user","content":"a"},{"role":"user","content":"b"}]""", false),
    ];

    [Fact]
    public void Every_template_says_the_same_in_both_engines()
    {
        var root = ReferenceData.Path("data/templates");
        var files = Directory.GetFiles(root, "*.jinja", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList();
        var inputs = Conversations.SelectMany(c => (bool[])[false, true], (c, prompt) => Variables(c.Messages, c.Tools, prompt))
            .ToList();
        var answers = NodeProgram.Run("jinja.mjs", "@huggingface/jinja",
            files.Select(file => new { source = File.ReadAllText(file), inputs }));
        var (same, refused, otherwise) = (0, 0, new List<string>());
        foreach (var (f, file) in files.Index())
        {
            var template = ChatTemplate.Load(file);
            foreach (var (i, input) in inputs.Index())
            {
                var theirs = answers[f][i];
                var ours = Render(template, input);
                var name = $"{Path.GetRelativePath(root, file)} {i / 2}{(i % 2 == 1 ? " with prompt" : "")}";
                if (theirs.TryGetProperty("text", out var text) && ours.Text == text.GetString()) same++;
                else if (theirs.TryGetProperty("error", out _) && ours.Text is null) refused++;
                else otherwise.Add($"{name}\n  here  {ours}\n  there {theirs}");
            }
        }
        Assert.True(otherwise.Count == 0,
            $"{otherwise.Count} differ ({same} same, {refused} refused by both):\n{string.Join('\n', otherwise)}");
        Assert.True(files.Count >= 16 && same >= files.Count * 12, $"{same} same, {refused} refused");
    }

    private static (string? Text, string? Error) Render(ChatTemplate template, JsonObject input)
    {
        var element = JsonSerializer.SerializeToElement(input);
        try
        {
            return (template.Render(new ChatInput
            {
                Messages = element.GetProperty("messages"),
                Tools = element.TryGetProperty("tools", out var tools) ? tools : null,
                AddGenerationPrompt = element.GetProperty("add_generation_prompt").GetBoolean(),
                Variables = new[] { "bos_token", "eos_token", "date_string" }.ToDictionary(k => k, element.GetProperty),
            }).Text, null);
        }
        catch (InputException e)
        {
            return (null, e.Message);
        }
    }

    private static JsonObject Variables(string messages, bool tools, bool prompt)
    {
        var variables = new JsonObject
        {
            ["messages"] = JsonNode.Parse(messages), ["add_generation_prompt"] = prompt, ["bos_token"] = "<s>",
            ["eos_token"] = "</s>",
            ["date_string"] = "26 Jul 2024",
        };
        if (tools) variables["tools"] = JsonNode.Parse(Tools);
        return variables;
    }
}
