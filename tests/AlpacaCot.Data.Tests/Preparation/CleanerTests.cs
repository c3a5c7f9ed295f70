using System.Text;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Cleaning;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Preparation;

public sealed class CleanerTests
{
    private static string? Judge(string instruction, string output, string input = "", CleaningOptions? options = null)
    {
        var findings = new List<RecordFinding>();
        _ = new Cleaner(options).Filter([Conversation.Instruction(instruction, input, output)], findings.Add).Count();
        return findings.Count == 0 ? null : $"{findings[0].Step}: {findings[0].Reason}";
    }

    [Theory]
    [InlineData("Name a fruit.", "Apple", null)]
    [InlineData("Name a fruit.", "", "empty")]
    [InlineData("Name a fruit.", " \n", "empty")]
    [InlineData("Name a fruit.", "<nooutput>", "empty")]
    [InlineData(" ", "Apple", "empty")]
    [InlineData("Is there one?", "None", null)]
    [InlineData("Which sign?", "?", null)]
    [InlineData("Write a letter.", "I'm sorry for what I said and did. I regret it and I hope you can forgive me.", null)]
    [InlineData("Play a song.", "I'm sorry, but I cannot play songs.", "refusal")]
    [InlineData("Play a song.", "Sorry, I can’t do that.", "refusal")]
    [InlineData("Who are you?", "As an AI language model, I do not have personal opinions.", "refusal")]
    [InlineData("Who are you?", "I am an AI model that helps you write.", null)]
    [InlineData("Draw.", "Unable to perform this task as it requires visual creative output.", "refusal")]
    [InlineData("Write a dialogue.", "Me: Lend me a book?\nFriend: Sorry, I can't. I have none.", null)]
    [InlineData("播放音乐", "抱歉，我无法播放音乐。", "refusal")]
    [InlineData("你怎么看？", "作为一个人工智能语言模型，我没有实际的情感。", "refusal")]
    [InlineData("写一封道歉信", "对不起，我昨天说错了话，希望你能原谅我。", null)]
    [InlineData("Write code.", "```python\nprint(1)\n", "truncated")]
    [InlineData("Write code.", "```python\nprint(1)\n```", null)]
    public void Single_answers_are_judged(string instruction, string output, string? filter) =>
        Assert.Equal(filter, Judge(instruction, output)?.Split(':')[0]);

    [Fact]
    public void Answers_that_stop_in_the_middle_are_taken()
    {
        const string prose =
            "The sun rises in the east. It warms the land, and the birds begin to sing. People wake up and make their "
            + "breakfast while the streets fill with traffic. ";
        Assert.Null(Judge("Tell.", prose));
        Assert.Equal("truncated: its last sentence is incomplete",
            Judge("Tell.", prose + "At noon the market in the old town opens"));
        Assert.Equal("truncated: it ends with \"the\"", Judge("Tell.", prose + "At noon the market opens and the"));
        Assert.Equal("truncated: it ends with \",\"", Judge("Tell.", prose + "At noon,"));
        Assert.Null(Judge("Tell.", prose + "\n- a list\n- goes without full stops"));
        Assert.Null(Judge("Tell.", "An answer of a word or two goes without one too"));
        const string chinese = "春天来了，河边的柳树长出了新的叶子。孩子们放学以后常常到公园里去放风筝，老人坐在树下聊天。夏天的时候天气很热，大家都喜欢去"
            + "海边游泳，晚上吃西瓜。到了秋天，山上的树叶变成了红色和黄色，农民忙着收庄稼。冬天有时会下雪，路上的行人很少，家家户户都在准备过年，"
            + "妈妈包饺子，爸爸贴对联，奶奶给孩子们讲从前的故事。这样的日子一年又一年地过去了，小镇上的变化不算大，可是每个人都觉得很满足。";
        Assert.Null(Judge("讲", chinese));
        Assert.Equal("truncated: its last sentence is incomplete", Judge("讲", chinese + "到了晚上大家都"));
    }

    [Fact]
    public void Answers_that_go_round_in_circles_are_taken()
    {
        Assert.StartsWith("repetition: ",
            Judge("Tell.", string.Concat(Enumerable.Repeat("I like to eat apples and to drink tea. ", 9))));
        Assert.StartsWith("repetition: ", Judge("讲", string.Concat(Enumerable.Repeat("我喜欢吃苹果，", 12))));
        Assert.StartsWith("repetition: \"a\" occurs 24 times", Judge("Scream.", "A" + new string('a', 40)));
        Assert.Null(Judge("Draw a table.", "| a | b |\n|" + new string('-', 60) + "|\n| 1 | 2 |"));
        var numbers = string.Join(", ", Enumerable.Range(1, 200));
        Assert.Null(Judge("Count.", numbers));
    }

    [Theory]
    [InlineData("A. Methane\nB. Oxygen\nC. Nitrogen", "C. Nitrogen", null)]
    [InlineData("A. Methane\nB. Oxygen\nC. Nitrogen", "D. Hydrogen", "the answer is D, but the options are A to C")]
    [InlineData("A. Methane\nB. Oxygen\nC. Nitrogen", "B. Nitrogen", "the answer is B with the text of C")]
    [InlineData("Options:\\n(A) 300\\n(B) 992\\n(C) 1120 Let's think.", "1/5*5600 = 1120 The final answer: (C).", null)]
    [InlineData("Options:\\n(A) 300\\n(B) 992\\n(C) 1120 Let's think.", "So, the answer is (E).",
        "the answer is E, but the options are A to C")]
    [InlineData("(A) one (B) two", "It is neither a nor b; Both.", null)]
    [InlineData("A．北京 B．上海 C．广州", "答案是D", "the answer is D, but the options are A to C")]
    [InlineData("A．北京 B．上海 C．广州", "故选：B", null)]
    [InlineData("Who wrote it? J. K. Rowling or A. A. Milne?", "A. A. Milne", null)]
    public void Option_letters_are_checked(string options, string answer, string? reason) =>
        Assert.Equal(reason is null ? null : $"options: {reason}", Judge("Choose the best answer.", answer, options));

    [Theory]
    [InlineData("It’s café time, naïve and 你好 — 5 €")]
    [InlineData("Привет, мир")]
    [InlineData("CAFÉ“ 20 °, Ã and Â")]
    [InlineData("жизнь ñ ü ß")]
    public void Text_decoded_wrongly_is_repaired_once_or_twice(string meant)
    {
        var latin = CodePagesEncodingProvider.Instance.GetEncoding(1252)!;
        var once = latin.GetString(Encoding.UTF8.GetBytes(meant));
        Assert.Equal(meant, Mojibake.Repair(once));
        Assert.Equal(meant, Mojibake.Repair(latin.GetString(Encoding.UTF8.GetBytes(once))));
        Assert.Same(meant, Mojibake.Repair(meant));
    }

    [Fact]
    public void Chinese_decoded_as_gbk_is_repaired_and_lost_characters_are_taken()
    {
        Assert.Equal("你好", Mojibake.Repair("浣犲ソ"));
        Assert.Equal("Say 你好世界 twice", Mojibake.Repair("Say " + CodePagesEncodingProvider.Instance.GetEncoding(936)!
            .GetString(Encoding.UTF8.GetBytes("你好世界")) + " twice"));
        Assert.Equal("ab\tc", Mojibake.Repair("\uFEFFa\0b\tc\u0007"));
        Assert.Equal("encoding: characters are lost (U+FFFD)", Judge("caf\uFFFD", "x"));
        var repaired = Assert.Single(new Cleaner().Filter([Conversation.Instruction("cafÃ©", "", "oui") with { Origin = "o" }]));
        Assert.Equal(("café", "o"), (repaired.Turns[0].Text, repaired.Origin));
    }

    [Fact]
    public void Only_wanted_filters_lengths_and_languages_count()
    {
        Assert.Null(Judge("x", "", options: new() { Filters = ["refusal"] }));
        Assert.Contains("fewer than 5", Judge("x", "four", options: new() { LeastAnswer = 5 }));
        Assert.Contains("more than 3", Judge("long", "y", options: new() { MostPrompt = 3 }));
        var english = new CleaningOptions { Languages = ["en"] };
        Assert.Null(Judge("What is this and what is it for?", "It is a book of the old man.", options: english));
        Assert.Null(Judge("3 + 5", "8", options: english));
        Assert.StartsWith("language: the language is zh", Judge("这是什么？", "这是一本书。", options: english));
        Assert.Contains("Did you mean \"refusal\"?", Assert.Throws<InputException>(() =>
            new Cleaner(new() { Filters = ["refusals"] })).Message);
        Assert.Contains("Unknown language",
            Assert.Throws<InputException>(() => new Cleaner(new() { Languages = ["xx"] })).Message);
    }

    /// <summary>Real, mostly good data: each filter takes some, none takes much.</summary>
    [Theory]
    [InlineData("data/instruct/alpaca_data.json.gz")]
    [InlineData("data/instruct_zh/zh-data-part-00.json.gz")]
    [InlineData("data/cot/formatted_aqua_train.json.gz")]
    [InlineData("data/cot/formatted_creak_train.json.gz")]
    public void Real_data_mostly_stays(string file)
    {
        var records = InstructionFile.Read(ReferenceData.Path(file)).Take(10_000).ToList();
        var findings = new List<RecordFinding>();
        var kept = new Cleaner().Filter(records, findings.Add).Count();
        var taken = findings.Where(f => f.Action == FindingAction.Removed).CountBy(f => f.Step).ToDictionary();
        foreach (var (filter, count) in taken)
            Assert.True(count <= 0.02 * records.Count, $"{filter} {count}: "
                + string.Join(" | ", findings.Where(f => f.Step == filter).Take(25)
                .Select(f => $"{f.Reason} [{f.Excerpt}]")));
        Assert.Equal(records.Count, kept + findings.Count(f => f.Action == FindingAction.Removed));
        if (Environment.GetEnvironmentVariable("SHOW") is not null)
            foreach (var f in findings.GroupBy(f => f.Step).SelectMany(g =>
                g.Take(12))) Console.WriteLine($"{f.Record} {f.Step}: {f.Reason} [{f.Excerpt}]");
    }
}
