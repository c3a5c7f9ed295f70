using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Statistics;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Preparation.Statistics;

public class DatasetStatisticsTests
{
    [Fact]
    public void Counts_what_is_there_in_characters_tokens_and_turns()
    {
        using var folder = new TemporaryFolder();
        var tokenizer = SmallTokenizer.Load(folder);
        var chat = new Conversation([new(Role.System, "Be brief."), new(Role.User, "你好，请介绍一下中国的首都。"),
            new(Role.Assistant, "北京是中国的首都。"), new(Role.User, "谢谢"), new(Role.Assistant, "不客气")]);
        var counts = DatasetStatistics.Of([Conversation.Instruction("Write a poem about the sea.", "", "The sea is wide 🌊."),
            Conversation.Instruction("Write the poems again.", "with this", "No, I am not that kind of poet."), chat], tokenizer);
        Assert.Equal((3, 1, 1), (counts.Records, counts.WithInput, counts.WithSystem));
        Assert.Equal((1, 2, 4), (counts.Turns.Least, counts.Turns.Greatest, counts.Turns.Sum));
        Assert.Equal(18, counts.AnswerCharacters.Quantile(0.5));   // the wave is one character
        Assert.Equal(9 + 14 + 2, counts.PromptCharacters.Least);
        Assert.Equal(["en", "zh"], counts.Languages.Select(language => language.Code));
        Assert.Equal(counts.Tokens.Sum, counts.Languages.Sum(language => language.Tokens));
        Assert.Equal(counts.Characters.Sum, counts.Languages.Sum(language => language.Characters));
        // A Chinese character is three bytes, and this vocabulary has no Chinese.
        Assert.Equal(3 * 12, counts.AnswerTokens.Greatest);
        Assert.True(counts.Languages[1].Fertility > 2 * counts.Languages[0].Fertility);
        Assert.Equal([("write", 2L), ("介绍", 1L)], counts.Roots.Top);
        Assert.Equal([("write poem", 1L), ("write poems", 1L)], counts.Phrases.Top);
    }

    [Theory]
    [InlineData("Could you please list five uses of salt?", "list", "uses")]
    [InlineData("Given the following sentence, rewrite it.", "given", "sentence")]
    [InlineData("What's the capital of France?", "what's", "capital")]
    [InlineData("Explain. Then go.", "explain", "")]
    [InlineData("请你帮我写一篇关于春天的作文", "写", "")]
    [InlineData("你好，能否解释一下量子力学", "解释", "")]
    [InlineData("将以下句子翻译成英文", "将", "")]
    [InlineData("如何学习", "如何", "")]
    [InlineData("“红楼梦”的作者是谁", "红楼", "")]
    [InlineData("5+3=?", "", "")]
    [InlineData("", "", "")]
    [InlineData("please", "", "")]
    [InlineData("Напишите стихотворение", "напишите", "стихотворение")]
    public void Names_the_opening_of_an_instruction(string instruction, string root, string thing) =>
        Assert.Equal(new InstructionOpening(root, thing), InstructionOpening.Of(instruction));

    [Theory]
    [InlineData("Translate this into French.", "", "translation")]
    [InlineData("Write a Python script.", "", "code")]
    [InlineData("Rewrite the sentence.", "x", "rewrite")]
    [InlineData("Underwriters: who are they?", "", "open question")]   // "write" is inside a word
    [InlineData("What does he want?", "He wants tea.", "closed question")]
    [InlineData("把下面的话翻译成英语", "", "translation")]
    [InlineData("写一首诗", "", "generation")]
    [InlineData("小明有多少个苹果", "", "math")]
    [InlineData("Hm.", "", "other")]
    public void Tells_kinds_of_tasks_by_their_words(string instruction, string input, string kind) =>
        Assert.Equal(kind, TaskKind.Of(Conversation.Instruction(instruction, input, "x")));

    [Fact]
    public void What_a_record_says_of_its_task_goes_before_its_words()
    {
        var metadata = new Dictionary<string, JsonElement> { ["category"] = JsonElement.Parse("\"closed_qa\"") };
        Assert.Equal("closed_qa", TaskKind.Of(Conversation.Instruction("Translate", "", "x") with { Metadata = metadata }));
        Assert.Equal("text", TaskKind.Of(Conversation.PlainText("Translate")));
    }

    [Fact]
    public void Quantiles_are_near_and_merging_counts_as_counting_together()
    {
        var random = new DeterministicRandom(5);
        List<long> lengths = [.. Enumerable.Range(0, 20_000).Select(_ => (long)Math.Exp(random.NextDouble() * 14))];
        var (all, first, second) = (new LengthHistogram(), new LengthHistogram(), new LengthHistogram());
        foreach (var (i, length) in lengths.Index())
        {
            all.Add(length);
            (i % 3 == 0 ? first : second).Add(length);
        }
        first.Add(second);
        Assert.Equal(all.Bins, first.Bins);
        Assert.Equal((lengths.Count, lengths.Sum(), lengths.Min(), lengths.Max()), (all.Count, all.Sum, all.Least, all.Greatest));
        Assert.All(all.Bins, bin => Assert.InRange(bin.To - bin.From, 1, Math.Max(1, bin.From / 32)));
        lengths.Sort();
        foreach (var share in (double[])[0, 0.1, 0.5, 0.9, 0.99, 1])
        {
            var exact = lengths[Math.Max(0, (int)Math.Ceiling(share * lengths.Count) - 1)];
            Assert.InRange(all.Quantile(share), exact * 63.0 / 64, exact);
        }
    }

    [Fact]
    public void Words_beyond_the_room_are_forgotten_but_not_the_frequent_ones()
    {
        var words = new FrequentItems(100);
        for (var i = 0; i < 10_000; i++)
        {
            words.Add($"rare {i}");
            if (i % 2 == 0) words.Add("often");
            if (i % 10 == 0) words.Add("sometimes");
        }
        var top = words.Top.Take(2).ToList();
        Assert.Equal(["often", "sometimes"], top.Select(word => word.Item));
        Assert.InRange(top[0].Count, 5000 - words.Uncertainty, 5000);
        Assert.InRange(words.Uncertainty, 1, 200);
    }

    [Fact]
    public void Published_files_give_the_same_counts_alone_and_together()
    {
        string[] paths = [ReferenceData.Path("data/instruct/bloom_lora_alpaca_1k.json"),
            ReferenceData.Path("data/instruct_zh/hikariming_extra/学术问题.json")];
        var files = FileStatistics.Of(paths, new ReadOptions());
        Assert.Equal([1000L, 213L], files.Select(file => file.Counts.Records));
        Assert.Equal(["en", "zh"], files.Select(file => file.Counts.Languages[0].Code));
        var sum = new DatasetStatistics();
        foreach (var file in files) sum.Add(file.Counts);
        var together = DatasetStatistics.Of(paths.SelectMany(path => InstructionFile.Read(path)));
        Assert.Equal(together.Roots.Top, sum.Roots.Top);
        Assert.Equal(together.Tasks.Top, sum.Tasks.Top);
        Assert.Equal(together.Languages, sum.Languages);
        Assert.Equal(together.Characters.Bins, sum.Characters.Bins);
    }

    [Fact]
    public void The_first_file_that_cannot_be_read_is_the_one_named()
    {
        using var folder = new TemporaryFolder();
        var good = folder.Write("good.json", """[{"instruction":"a","output":"b"}]""");
        var (bad, worse) = (folder.Write("bad.json", """[{"instruction":"a"}]"""), folder.Write("worse.json", "<html>"));
        Assert.StartsWith(bad, Assert.Throws<InputException>(
            () => FileStatistics.Of([good, bad, good, worse], new ReadOptions())).Message);
        var skipped =
            FileStatistics.Of([good, folder.Write("half.json", """[{"instruction":"a"},{"instruction":"a","output":"b"}]""")],
            new ReadOptions { SkipBad = true });
        Assert.Equal([(1L, 0L), (1L, 1L)], skipped.Select(file => (file.Counts.Records, file.Skipped)));
    }
}
