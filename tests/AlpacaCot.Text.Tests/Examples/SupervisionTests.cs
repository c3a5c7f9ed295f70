using System.Text.Json;
using AlpacaCot.Data.Tests.Preparation;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Examples;

/// <summary>What is learnt of a record: the record's own marks, <c>train_on</c>, and texts longer than the cutoff.</summary>
public sealed class SupervisionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Tokenizer _tokenizer;

    public SupervisionTests() => _tokenizer = SmallTokenizer.Load(_folder);

    public void Dispose() => _folder.Dispose();

    private static Conversation Record(params Turn[] turns) => new(turns) { Origin = "d.jsonl, record 2" };

    private ExampleEncoder Encoder(EncodingOptions options, string template = "chatml") =>
        new(_tokenizer, PromptTemplates.Find(template), options with { CutoffLength = 1000 });

    /// <summary>The runs of supervised tokens as text.</summary>
    private List<string> Learnt(Conversation record, EncodingOptions options, string template = "chatml")
    {
        var (_, labels) = Encoder(options, template).Encode(record)!;
        var runs = new List<List<int>>();
        foreach (var (i, label) in labels.Index())
        {
            if (label < 0) continue;
            if (i == 0 || labels[i - 1] < 0) runs.Add([]);
            runs[^1].Add(label);
        }
        return [.. runs.Select(run => _tokenizer.Decode([.. run], skipSpecial: false))];
    }

    private static Conversation Corrected => Record(new(Role.User, "2+2?"), new(Role.Assistant, "5") { Learn = false },
        new(Role.User, "Again?"), new(Role.Assistant, "4") { Learn = true });

    [Fact]
    public void A_turn_of_weight_0_is_not_learnt_also_with_the_prompt()   // axolotl PR 1703
    {
        Assert.Equal(["4<|im_end|>\n"], Learnt(Corrected, new()));
        Assert.Equal(["<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n",
            "<|im_start|>user\nAgain?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n"],
                Learnt(Corrected, new() { TrainOnInputs = true }));
        Assert.Null(Encoder(new()).Encode(Record(new(Role.User, "a"), new(Role.Assistant, "b") { Learn = false })));
    }

    [Fact]
    public void Train_on_chooses_the_turns()
    {
        var record = Record(new(Role.System, "s"), new(Role.User, "a"), new(Role.Assistant, "b"), new(Role.User, "c"),
            new(Role.Assistant, "d"));
        Assert.Equal(["b<|im_end|>\n", "d<|im_end|>\n"], Learnt(record, new() { TrainOn = TrainOn.All }));
        Assert.Equal(["d<|im_end|>\n"], Learnt(record, new() { TrainOn = TrainOn.Last }));
        Assert.Equal(["a<|im_end|>\n", "c<|im_end|>\n"], Learnt(record, new() { TrainOn = TrainOn.Roles, Roles = [Role.User] }));
        Assert.Equal(["4<|im_end|>\n"], Learnt(Corrected, new() { TrainOn = TrainOn.PerTurn }));
        Assert.Contains("record 2: no turn is marked as trained on",
            Assert.Throws<InputException>(() => Encoder(new() { TrainOn = TrainOn.PerTurn }).Encode(record)).Message);
        Assert.Contains("train_on must be all",
            Assert.Throws<InputException>(() => Encoder(new() { TrainOnInputs = true, TrainOn = TrainOn.Last })).Message);
        Assert.Contains("needs train_on: roles", Assert.Throws<InputException>(() => Encoder(new() { Roles = [Role.Tool] }))
            .Message);
        Assert.Contains("needs train_on_roles", Assert.Throws<InputException>(() => Encoder(new() { TrainOn = TrainOn.Roles }))
            .Message);
    }

    [Theory]
    [InlineData("label", "false", "its \"label\" is false: the answer is marked as wrong")]   // LLaMA-Factory 3803
    [InlineData("label", "\"False\"", "its \"label\" is false")]
    [InlineData("kto_tag", "false", "its \"kto_tag\" is false")]
    [InlineData("weight", "0.5", "its \"weight\" is 0.5; weights of records are not supported, allowed is 1")]
    [InlineData("sample_weight", "\"2\"", "its \"sample_weight\" is \"2\"")]
    [InlineData("train", "false", "its \"train\" is false")]
    public void A_mark_of_the_record_that_is_not_honoured_is_refused_by_name(string name, string value, string part)
    {
        var record = Conversation.Instruction("a", "", "b") with
        {
            Origin = "k.jsonl, record 2", Metadata = new Dictionary<string, JsonElement> { [name] = JsonElement.Parse(value) },
        };
        Assert.Contains("k.jsonl, record 2: " + part, Assert.Throws<InputException>(() => Encoder(new()).Encode(record)).Message);
    }

    [Theory]
    [InlineData("label", "true")]
    [InlineData("label", "0")]
    [InlineData("weight", "1")]
    [InlineData("weight", "1.0")]
    [InlineData("weight", "null")]
    [InlineData("weight", "\"70 kg\"")]
    public void Fields_that_change_nothing_pass(string name, string value) => Assert.NotNull(Encoder(new()).Encode(
        Conversation.Instruction("a", "", "b") with
        {
            Metadata = new Dictionary<string, JsonElement> { [name] = JsonElement.Parse(value) },
        }));

    [Fact]
    public void A_mark_of_a_turn_that_is_not_understood_is_refused_by_name()
    {
        var fields = new Dictionary<string, JsonElement> { ["weight"] = JsonElement.Parse("0.5") };
        var record = Record(new(Role.User, "a"), new(Role.Assistant, "b") { Metadata = fields });
        Assert.Equal("d.jsonl, record 2: turn 2: its \"weight\" is 0.5; allowed is 0 (not trained on) or 1.",
            Assert.Throws<InputException>(() => Encoder(new()).Encode(record)).Message);
    }

    [Theory]
    [InlineData("weight", "0", false)]
    [InlineData("weight", "1", true)]
    [InlineData("loss_weight", "0.0", false)]
    [InlineData("loss_weight", "1.0", true)]
    [InlineData("train", "false", false)]
    [InlineData("training", "true", true)]
    [InlineData("trainable", "0", false)]
    [InlineData("loss", "false", false)]
    [InlineData("mask", "true", false)]
    [InlineData("mask", "false", true)]
    [InlineData("loss_mask", "0", false)]
    public void Every_name_of_the_mark_is_read(string name, string value, bool expected)
    {
        Assert.True(LearningMarks.TryRead(name, JsonElement.Parse(value), Role.Assistant, out var learn));
        Assert.Equal(expected, learn);
        Assert.True(LearningMarks.TryRead(name, JsonElement.Parse("null"), Role.Assistant, out learn));
        Assert.Null(learn);
        Assert.False(LearningMarks.TryRead(name, JsonElement.Parse("0.3"), Role.Assistant, out _));
        Assert.False(LearningMarks.TryRead("name", JsonElement.Parse(value), Role.Assistant, out _));
    }

    [Fact]
    public void Reasoning_is_learnt_masked_or_left_out()   // Automodel 2348
    {
        var record = Record(new(Role.User, "17*3?"), new(Role.Assistant, "51") { Reasoning = "17*3 = 51" });
        Assert.Equal(["<think>\n17*3 = 51\n</think>\n\n51<|im_end|>\n"], Learnt(record, new()));
        Assert.Equal(["<think>\n", "\n</think>\n\n51<|im_end|>\n"], Learnt(record, new() { Reasoning = ReasoningUse.Mask }));
        Assert.Equal(["51<|im_end|>\n"], Learnt(record, new() { Reasoning = ReasoningUse.Drop }));
        Assert.Equal(["51</s>"], Learnt(record, new() { Reasoning = ReasoningUse.Drop }, "alpaca"));
        var only = Record(new(Role.User, "a"), new(Role.Assistant, "") { Reasoning = "b" });
        Assert.Contains("record 2: turn 2 consists of reasoning only",
            Assert.Throws<InputException>(() => Encoder(new() { Reasoning = ReasoningUse.Drop }).Encode(only)).Message);
    }

    [Theory]
    [InlineData(false, 10)]
    [InlineData(true, 10)]
    [InlineData(true, 11)]
    [InlineData(true, 2)]
    public void Long_plain_text_is_cut_into_chunks_that_are_all_learnt(bool bos, int cutoff)
    {
        var tokenizer = SmallTokenizer.Load(_folder, bos);
        var text = string.Concat(Enumerable.Range(0, 40).Select(i => (char)('a' + i % 26)));
        var encoder = new ExampleEncoder(tokenizer, PromptTemplates.Find("plain"), new() { CutoffLength = cutoff });
        var front = bos ? 1 : 0;
        var chunks = encoder.EncodeAll([Conversation.PlainText(text)]).ToList();
        if (cutoff - front < 2)   // no room for a text and its end
        {
            Assert.Single(chunks);
            return;
        }
        Assert.Equal(text + "</s>", tokenizer.Decode([.. chunks.SelectMany(c => c.Ids[front..])], skipSpecial: false));
        Assert.All(chunks, c => Assert.Equal(c.Ids[front..], c.Labels[front..]));
        Assert.All(chunks, c => Assert.InRange(c.Ids.Length, front + 2, cutoff));
        Assert.All(chunks.SkipLast(1), c => Assert.DoesNotContain(tokenizer.EosId!.Value, c.Ids));
        Assert.All(chunks.Index(), c => Assert.Equal(c.Index > 0, c.Item.Continues));
        Assert.All(chunks, c => Assert.Equal(bos ? [tokenizer.BosId!.Value] : [], c.Ids[..front]));
        Assert.Equal((chunks.Count, 0, 0), (encoder.Encoded, encoder.Truncated, encoder.Dropped));
        Assert.Contains($"1 long text cut into {chunks.Count}", encoder.Summary);
    }

    [Fact]
    public void A_long_prompt_is_kept_where_the_prompt_is_learnt()
    {
        var record = Conversation.Instruction(new string('a', 90), "", "b");
        var encoder = new ExampleEncoder(_tokenizer, PromptTemplates.Find("alpaca-short"),
            new() { CutoffLength = 48, TrainOnInputs = true });
        var (ids, labels) = encoder.Encode(record)!;
        Assert.Equal((48, 1, 0), (ids.Length, encoder.Truncated, encoder.Dropped));
        Assert.Equal([-100, .. ids[1..]], labels);
    }

    [Fact]
    public void Skip_bad_leaves_out_what_a_template_cannot_render()
    {
        var problems = new List<string>();
        var encoder = Encoder(new() { OnBadRecord = problems.Add }, "alpaca");
        var good = Conversation.Instruction("a", "", "b");
        var bad = Record(new(Role.User, "x"), new(Role.Tool, "3 C"), new(Role.Assistant, "y"));
        Assert.Equal(3, encoder.EncodeAll([good, bad, good, bad, good]).Count());
        Assert.Equal(2, problems.Count);
        Assert.All(problems, p => Assert.StartsWith("d.jsonl, record 2: turn 2 is a tool turn", p));
        Assert.Equal((3, 2), (encoder.Encoded, encoder.Bad));
        Assert.Equal("3 examples; 2 records left out", encoder.Summary);

        var none = Encoder(new() { OnBadRecord = _ => { } }, "alpaca");
        Assert.Empty(none.EncodeAll([bad]));
        Assert.Contains("None of the 1 records can be used. The first problem: d.jsonl, record 2",
            Assert.Throws<InputException>(() => none.RequireExamples()).Message);
    }
}
