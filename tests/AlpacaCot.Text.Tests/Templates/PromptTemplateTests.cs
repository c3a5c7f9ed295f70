using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Text.Tests.Templates;

public sealed class PromptTemplateTests : IDisposable
{
    private const string Opening = "Below is an instruction that describes a task. "
        + "Write a response that appropriately completes the request.\n\n";

    private const string OpeningWithInput = "Below is an instruction that describes a task, paired with an input that provides "
        + "further context. Write a response that appropriately completes the request.\n\n";

    private static readonly Segment Eos = new("", true, SpecialToken.Eos);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("alpaca", Opening, OpeningWithInput, "### Response:", "", "")]
    [InlineData("alpaca-lora", Opening, OpeningWithInput, "### Response:\n", "", "")]
    [InlineData("alpaca-short", "", "", "### Response:\n", "", "")]
    [InlineData("alpaca-cot", Opening, OpeningWithInput, "### Response:", " ", " ")]
    public void Both_forms_are_as_published(
        string name, string opening, string openingWithInput, string response, string before, string after)
    {
        var template = PromptTemplates.Find(name);
        Assert.Equal(
            [new($"{opening}### Instruction:\nAdd.\n\n{response}", false), new($"{before}3{after}", true), Eos],
            template.Render(Conversation.Instruction("Add.", "", "3")));
        Assert.Equal(
            [new($"{openingWithInput}### Instruction:\nAdd.\n\n### Input:\n1 and 2\n\n{response}", false),
                new($"{before}3{after}", true), Eos],
            template.Render(Conversation.Instruction("Add.", "1 and 2", "3")));
        Assert.Equal(["### Instruction:"], template.Stop);
    }

    [Fact]
    public void What_a_file_leaves_out_has_its_default()
    {
        var template =
            PromptTemplate.FromJson("""{"name": "old", "user": "{instruction}", "user_with_input": "{instruction} {input}"}""");
        Assert.Equal(new PromptTemplate { Name = "old", User = "{instruction}", UserWithInput = "{instruction} {input}" }.ToJson(
            ), template.ToJson());
    }

    [Fact]
    public void Rounds_follow_each_other_and_only_answers_are_supervised()
    {
        var alpaca = PromptTemplates.Find("alpaca");
        var conversation = new Conversation([
            new(Role.User, "Hi"), new(Role.Assistant, "Hello"),
            new(Role.User, "Add.", "1 and 2"), new(Role.Assistant, "3"),
        ]);
        var second = "\n\n### Instruction:\nAdd.\n\n### Input:\n1 and 2\n\n### Response:";
        Segment[] first = [new(Opening + "### Instruction:\nHi\n\n### Response:", false), new("Hello", true), Eos];
        Assert.Equal([.. first, new(second, false), new("3", true), Eos], alpaca.Render(conversation));
        Assert.Equal([.. first, new(second, false)], alpaca.RenderPrompt(conversation));   // the last answer is to be written
        Assert.Equal([.. first, new(second, false)], alpaca.RenderPrompt(new([.. conversation.Turns.Take(3)])));
    }

    [Fact]
    public void A_system_turn_stands_in_the_place_of_the_opening()
    {
        Turn[] turns = [new(Role.System, "Be brief."), new(Role.User, "Hi"), new(Role.Assistant, "Yo")];
        var (alpaca, alpacaShort) = (PromptTemplates.Find("alpaca"), PromptTemplates.Find("alpaca-short"));
        Assert.Equal("Be brief.\n\n### Instruction:\nHi\n\n### Response:", alpaca.Render(new(turns))[0].Text);
        Assert.Equal("Be brief.\n\n### Instruction:\nHi\n\n### Response:\n", alpacaShort.RenderPrompt(new(turns)).Single().Text);

        var misplaced = new Conversation([turns[1], turns[0]]) { Origin = "a.json, record 4" };
        Assert.Equal(
            "a.json, record 4: turn 2 is a system turn, which the template alpaca does not support after the first turn.",
            Assert.Throws<InputException>(() => alpaca.Render(misplaced)).Message);
        Assert.Throws<InputException>(() => alpaca.Render(new([new(Role.Tool, "42")])));
    }

    [Fact]
    public void Plain_text_stands_alone()
    {
        foreach (var template in PromptTemplates.All)
        {
            Assert.Equal([("Once upon a time", true), ("", true)],
                template.Render(Conversation.PlainText("Once upon a time")).Select(s => (s.Text, s.Supervised)));
            Assert.Empty(template.RenderPrompt(Conversation.PlainText("Once upon a time")));
        }
        var plain = PromptTemplates.Find("plain");
        Assert.Equal([new("Once", false)], plain.RenderPrompt(new([new(Role.User, "Once")])));
        Assert.Equal([new("1+2=\nin words", false), new("\nthree", true), Eos],
            plain.Render(Conversation.Instruction("1+2=", "in words", "three")));
    }

    [Fact]
    public void Braces_of_the_user_are_text()
    {
        var conversation = Conversation.Instruction("Say {input} and {instruction} {0} {{x}}", "{instruction}{", "{output}");
        Assert.Equal(
            [new("### Instruction:\nSay {input} and {instruction} {0} {{x}}\n\n### Input:\n{instruction}{\n\n"
                + "### Response:\n", false), new("{output}", true), Eos],
            PromptTemplates.Find("alpaca-short").Render(conversation));
    }

    [Fact]
    public void A_stored_template_says_the_same()
    {
        Conversation[] conversations =
        [
            Conversation.Instruction("你好", "", "\"hi\""),
            Conversation.Instruction("a", "b", "c"),
            Conversation.PlainText("t"),
            new([new(Role.System, "s"), new(Role.User, "u"), new(Role.Assistant, "a"), new(Role.User, "v", "w")]),
        ];
        var mine = PromptTemplates.All[0] with { Name = "mine", Preamble = "下面是“指令”<b>" };
        foreach (var template in PromptTemplates.All.Append(mine))
        {
            var stored = PromptTemplate.FromJson(template.ToJson());
            Assert.Equal(template.ToJson(), stored.ToJson());
            foreach (var conversation in conversations)
            {
                Assert.Equal(template.Render(conversation), stored.Render(conversation));
                Assert.Equal(template.RenderPrompt(conversation), stored.RenderPrompt(conversation));
            }
            Assert.Equal(stored.ToJson(), PromptTemplates.Find(_folder.Write("stored.json", stored.ToJson())).ToJson());
        }
    }

    /// <summary>Published templates, and forms that are hard to take apart, are put together again to the character.</summary>
    [Theory]
    [InlineData(
        "A task.\n\n### Instruction:\n{instruction}\n\n### Response:\n",
        "With input.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n", "### Instruction:")]
    [InlineData(
        "Ci-dessous.\n\n### Instruction:\n{instruction}\n\n### Réponse:\n",
        "Entrée.\n\n### Instruction:\n{instruction}\n\n### Entrée:\n{input}\n\n### Réponse:\n", "### Instruction:")]
    [InlineData("{instruction}", "{input}{instruction}", "")]
    [InlineData("\n\nQ: {instruction} A:", "\n\nGiven {input}\n\nQ: {instruction}? A:", "Q:")]
    [InlineData("Q: {instruction}\nA:", "Text.\n\nInput: {input}\n\nQ: {instruction}\nB:", "Q:")]
    [InlineData("Json {{\"q\": \"{instruction}\"}}", "{{{input}}} {instruction}", "Json {\"q\": \"")]
    public void Template_files_of_alpaca_lora_are_read(string without, string with, string stop)
    {
        var json = System.Text.Json.JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["description"] = "d",
            ["prompt_input"] = with,
            ["prompt_no_input"] = without,
            ["response_split"] = "### Response:",
            ["unknown"] = "ignored",
        });
        var template = PromptTemplates.Find(_folder.Write("vigogne.json", json));
        Assert.Equal("vigogne", template.Name);
        Assert.Equal(stop.Length > 0 ? [stop] : [], template.Stop);
        Assert.Equal(AsPython(without, "do {this}", ""), Prompt(template, "do {this}", ""));
        Assert.Equal(AsPython(with, "do {this}", "it"), Prompt(template, "do {this}", "it"));

        static string Prompt(PromptTemplate template, string instruction, string input) =>
            Assert.Single(template.RenderPrompt(Conversation.Instruction(instruction, input, ""))).Text;

        static string AsPython(string format, string instruction, string input) => format
            .Replace("{instruction}", "\u0001").Replace("{input}", "\u0002").Replace("{{", "{").Replace("}}", "}")
            .Replace("\u0001", instruction).Replace("\u0002", input);
    }

    [Theory]
    [InlineData("""{"name": "x", "user": "{instruction}"}""", "the key \"user_with_input\" is missing")]
    [InlineData("""{"name": "x", "user": "", "user_with_input": "{instruction}{input}"}""",
        "user does not contain {instruction}")]
    [InlineData("""{"name": "", "user": "{instruction}{input}", "user_with_input": ""}""", "user contains {input}")]
    [InlineData("""{"name": "", "user": "{instruction}", "user_with_input": "{instruction}"}""", "does not contain {input}")]
    [InlineData("""{"name": "x", "usr": "{instruction}"}""", "no key \"usr\". Did you mean \"user\"?")]
    [InlineData("""{"name": 3}""", "\"name\" must be a string")]
    [InlineData("""{"name": "x", "stop": [1]}""", "\"stop\" must be a list of strings")]
    [InlineData("""{"prompt_input": "{instruction}{input}"}""", "the key \"prompt_no_input\" is missing")]
    [InlineData("""{"prompt_input": "x", "prompt_no_input": "y"}""", "does not contain {instruction}")]
    [InlineData("[]", "expected a JSON object")]
    [InlineData("{\n\"name\": }", "line 2: this is not valid JSON")]
    public void A_template_that_cannot_work_is_refused(string json, string part)
    {
        var path = _folder.Write("mine.json", json);
        Assert.Contains(part, Assert.Throws<InputException>(() => PromptTemplate.FromJson(json)).Message);
        var message = Assert.Throws<InputException>(() => PromptTemplates.Find(path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(part, message);
    }

    [Theory]
    [InlineData("alpacca", "Unknown prompt template \"alpacca\". Did you mean \"alpaca\"?")]
    [InlineData("alpaca_lora", "Did you mean \"alpaca-lora\"?")]
    [InlineData("zephyr", "Allowed are: alpaca, alpaca-lora, alpaca-short, alpaca-cot, plain, belle, vicuna, llama2-chat,")]
    [InlineData("templates/mine.json", "the template file does not exist")]
    public void An_unknown_name_gets_a_suggestion(string name, string part) =>
        Assert.Contains(part, Assert.Throws<InputException>(() => PromptTemplates.Find(name)).Message);
}
