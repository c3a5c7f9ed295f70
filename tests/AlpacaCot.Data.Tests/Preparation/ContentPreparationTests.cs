using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Cleaning;
using AlpacaCot.Data.Preparation.Contamination;
using AlpacaCot.Data.Preparation.Duplicates;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Data.Preparation.Statistics;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Preparation;

/// <summary>Cleaning, comparison and statistics look at the whole content of a turn, and at texts as people read them.</summary>
public sealed class ContentPreparationTests
{
    private static Conversation Called(string question, string city, string id = "") => new([new(Role.User, question),
        new(Role.Assistant, "") { Calls = [new("weather", JsonElement.Parse($$"""{"city": "{{city}}"}"""), id)] }]);

    [Fact]
    public void Cleaning_keeps_calls_and_images_and_writes_repairs_back()   // marin 6854
    {
        using var folder = new TemporaryFolder();
        var path = ReferenceData.Path("cases/data/clean_tool.jsonl");
        var read = InstructionFile.Read(path, new() { SkipBad = true }).ToList();
        var findings = new List<RecordFinding>();
        var kept = new Cleaner().Filter(read, findings.Add).ToList();
        Assert.Equal(3, kept.Count);
        Assert.Equal(FindingAction.Repaired, Assert.Single(findings).Action);
        ConversationWriter.Write(folder.File("out.jsonl"), kept, "openai");
        var written = InstructionFile.Read(folder.File("out.jsonl")).ToList();
        Assert.Equal("broken “quote”?", written[2].Turns[0].Text);
        Assert.Equal("It isn’t.", written[2].Turns[1].Text);
        Assert.Equal("w", written[0].Turns[1].Calls.Single().Name);
        Assert.Equal("image", written[1].Turns[0].Media.Single().Kind);
    }

    [Fact]
    public void A_turn_is_empty_only_without_any_content()
    {
        var cleaner = new Cleaner(new() { Filters = ["empty"] });
        Conversation[] valid = [Called("x", "Oslo"), new([new(Role.User, "x"), new(Role.Assistant, "") { Reasoning = "y" }])];
        Assert.Equal(valid, cleaner.Filter(valid));
        Conversation[] empty = [new([new(Role.User, "x"), new(Role.Assistant, " ")]),
            new([new(Role.User, ""), new(Role.Assistant, "y")])];
        Assert.Empty(cleaner.Filter(empty));
    }

    [Fact]
    public void Arguments_and_reasoning_are_repaired()
    {
        var broken = new Conversation([new(Role.User, "x"), new(Role.Assistant, "y")
        {
            Reasoning = "It isnâ€™t.", Calls = [new("w", JsonElement.Parse("""{"a": "isnâ€™t"}"""))],
        }]);
        var repaired = Assert.Single(new Cleaner().Filter([broken])).Turns[1];
        Assert.Equal(("It isn’t.", "isn’t"), (repaired.Reasoning, repaired.Calls[0].Arguments.GetProperty("a").GetString()));
    }

    [Fact]
    public void Records_that_differ_in_a_call_are_no_duplicates()
    {
        const string Question =
            "What is the weather like over there at this very moment, please, and should I take an umbrella along?";
        Conversation[] records = [Called(Question, "Oslo", "1"), Called(Question, "Rome", "2"), Called(Question, "Oslo", "3")];
        foreach (var threshold in (double?[])[null, 0.7])
            Assert.Equal(records[..2], new Deduplicator(new() { Threshold = threshold }).Filter(records));
        Assert.NotEqual(ConversationFingerprint.Of(records[..1]), ConversationFingerprint.Of(records[1..2]));
    }

    [Fact]
    public void A_shuffle_on_the_disk_keeps_every_part()
    {
        var tool = JsonElement.Parse("""{"type":"function","function":{"name":"w"}}""");
        var record = new Conversation([new(Role.User,
            "x") { Media = [new("image", 2, JsonElement.Parse("{\"type\":\"image\"}"))] },
            new(Role.Assistant, "") { Reasoning = "r", Calls = [new("w", JsonElement.Parse("{}"), "1")], Learn = false },
            new(Role.Tool, "3") { ToolName = "w", ToolCallId = "1" }, new(Role.Assistant, "a") { Learn = true }])
        {
            Tools = [tool], Rejected = new([new(Role.Assistant, "b") { Reasoning = "c" }], 3),
        };
        Assert.Equal(Formats.Said.By(record), Formats.Said.By(ExternalShuffle.Shuffle([record, record], 1, memory: 1).First()));
    }

    [Fact]
    public void Unicode_composition_does_not_hide_contamination()   // Tatoeba 2151
    {
        var evaluation = RecordFile.Read(ReferenceData.Path("cases/data/nf_eval.jsonl"))
            .SelectMany(r => EvaluationText.From(r.Value, r.Origin));
        var train = InstructionFile.Read(ReferenceData.Path("cases/data/nf_train.jsonl")).ToList();
        var hits = new List<RecordFinding>();
        Assert.Empty(new Decontaminator(evaluation).Filter(train, hits.Add));
        Assert.Equal(3, hits.Count);
    }

    /// <summary>The same text in two spellings, which a reader does not tell apart.</summary>
    [Theory]
    [InlineData("Où était située la première école créée après l'été",
        "Ou\u0300 e\u0301tait situe\u0301e la premie\u0300re e\u0301cole cre\u0301e\u0301e apre\u0300s l'e\u0301te\u0301")]
    [InlineData("대한민국의 수도는 어디입니까",
        "\u1103\u1162\u1112\u1161\u11ab\u1106\u1175\u11ab\u1100\u116e\u11a8\u110b\u1174 "
        + "\u1109\u116e\u1103\u1169\u1102\u1173\u11ab \u110b\u1165\u1103\u1175\u110b\u1175\u11b8\u1102\u1175\u1101\u1161")]
    [InlineData("Tell me the most important rule now", "Tell me the **most important** _rule_ *now*")]
    [InlineData("Tell me the most important rule now", "## Tell me the <b>most important</b> ~~rule~~ now")]
    [InlineData("Fish & chips in the café", "Fish &amp; chips in the caf&eacute;")]
    [InlineData("An invisible hyphen and a joiner", "An invis\u00ADible hy\u200Bphen and a joiner")]
    public void Spelling_does_not_hide_duplicates(string text, string other)
    {
        Conversation[] records = [Conversation.Instruction(text, "", "k"), Conversation.Instruction(other, "", "k")];
        var found = new List<RecordFinding>();
        Assert.Single(new Deduplicator().Filter(records, found.Add));
        Assert.Equal(1, Assert.Single(found).Score);
    }

    [Theory]
    [InlineData("What is 3*4*5 and 2 * 3", "What is 345 and 2 3")]
    [InlineData("Rename the variable a_b_c to x", "Rename the variable abc to x")]
    [InlineData("Is 3 < 4 or 3 > 4 true", "Is 3 4 or 3 4 true")]
    public void Symbols_that_mean_something_still_count(string text, string other)
    {
        Conversation[] records = [Conversation.Instruction(text, "", "k"), Conversation.Instruction(other, "", "k")];
        Assert.Equal(2, new Deduplicator(new() { Threshold = 0.99 }).Filter(records).Count());
    }

    [Fact]
    public void Statistics_count_calls_and_reasoning()
    {
        var record = Called("four", "Oslo");
        Assert.Equal(25, DatasetStatistics.Of([record]).AnswerCharacters.Sum);   // weather({"city": "Oslo"})
        var thinking = new Conversation([new(Role.User, "x"), new(Role.Assistant, "ab") { Reasoning = "cde" }]);
        Assert.Equal(5, DatasetStatistics.Of([thinking]).AnswerCharacters.Sum);
    }
}
