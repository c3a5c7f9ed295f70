namespace AlpacaCot.Cli.Tests;

public sealed class RenderCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Messages() => _folder.Write("m.json", """
        [{"role": "user", "content": "Hi 😀"}, {"role": "assistant", "content": "你好"}]
        """);

    [Fact]
    public async Task A_shipped_template_and_a_named_one_give_text_and_supervision()
    {
        var template = _folder.Write("t.jinja", "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
            + "{% if tools %}{{ tools|tojson }}{% endif %}{{ strftime_now('%F') }}"
            + "{% if add_generation_prompt %}<assistant>{% endif %}");
        var variables = _folder.Write("v.json", """{"bos_token": "^"}""");
        var tools = _folder.Write("tools.json", """[{"name": "f"}]""");
        var json = (await CommandLine.Run("render", "--template", template, "--messages", Messages(), "--variables", variables,
            "--tools", tools, "--add-generation-prompt", "--date", "2024-07-26", "--json")).Json();
        Assert.Equal("^<user>Hi 😀<assistant>你好[{\"name\": \"f\"}]2024-07-26<assistant>", json.GetProperty("text").GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, json.GetProperty("supervised").ValueKind);   // what follows moves

        json = (await CommandLine.Run("render", "--template", "chatml", "--messages", Messages(), "--json")).Json();
        Assert.Equal("<|im_start|>user\nHi 😀<|im_end|>\n<|im_start|>assistant\n你好<|im_end|>\n",
            json.GetProperty("text").GetString());
        Assert.Equal([54, 67], Spans(json));
        Assert.Equal("<|im_start|>user\nHi 😀<|im_end|>\n<|im_start|>assistant\n你好<|im_end|>\n\n",
            (await CommandLine.Run("render", "--template", "chatml", "--messages", Messages())).Out);

        var plain = _folder.Write("p.jinja", "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}"
            + "{% if add_generation_prompt %}assistant:{% endif %}");
        json = (await CommandLine.Run("render", "--template", plain, "--messages", Messages(), "--json")).Json();
        Assert.Equal([20, 23], Spans(json));
    }

    private static int[] Spans(System.Text.Json.JsonElement json) =>
        [.. json.GetProperty("supervised").EnumerateArray().SelectMany(s => s.EnumerateArray()).Select(s => s.GetInt32())];

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "t.jinja, line 1", "steps")]
    [InlineData("\n{% if x %}", "t.jinja, line 2", "unclosed")]
    public async Task A_template_that_cannot_work_is_refused(string template, params string[] parts) =>
        (await CommandLine.Run("render", "--template", _folder.Write("t.jinja", template), "--messages",
            Messages())).Refused(parts);

    [Fact]
    public async Task Bad_files_are_refused()
    {
        (await CommandLine.Run("render", "--template", "chatml", "--messages", _folder.Write("b.json", "[{}]")))
            .Refused("b.json, record 1", "\"messages\", turn 1: it has neither");
        (await CommandLine.Run("render", "--template", "chatml", "--messages", _folder.Write("c.json", "[\n{]")))
            .Refused("c.json, line 2: the file is not valid JSON");
        (await CommandLine.Run("render", "--template", "chatmll", "--messages", Messages())).Refused("Did you mean \"chatml\"?");
    }
}
