using AlpacaCot.Data.Tests.Preparation;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Text.Tests.Examples;

public sealed class ExampleEncoderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Conversations of every shape; texts look like headings, placeholders, special tokens, halves of words.</summary>
    private static IEnumerable<Conversation> RandomConversations(int count, int seed, bool specials = true)
    {
        string[] pieces = ["the ", "other", "ü", "🦙", "### Response:", "\n\n### Instruction:\n", "{input}", "{", " ", "\n",
            "问题", "#", "th", "er", .. specials ? ["</s>", "<s>"] : (string[])[]];
        var random = new DeterministicRandom(seed);
        string Text() => string.Concat(Enumerable.Range(0, random.NextInt(12)).Select(_ => random.Choose(pieces)));
        for (var i = 0; i < count; i++)
        {
            var turns = new List<Turn>();
            if (random.NextInt(4) == 0) turns.Add(new(Role.System, Text()));
            for (var round = 0; round <= random.NextInt(3); round++)
            {
                if (round > 0 || random.NextInt(8) > 0) turns.Add(new(Role.User, Text(), random.NextInt(2) == 0 ? Text() : ""));
                turns.Add(new(Role.Assistant, Text()));
            }
            yield return new Conversation(turns) { Origin = $"record {i + 1}" };
        }
    }

    /// <summary>Whether the alpaca templates render it: a dialogue does not begin with the assistant.</summary>
    private static bool IsRendered(Conversation conversation) =>
        conversation.Turns.Count == 1 || conversation.Turns[0].Role != Role.Assistant;

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Exactly_the_answers_are_supervised(bool bos, bool eos)
    {
        var tokenizer = SmallTokenizer.Load(_folder, bos, eos);
        int[] front = bos ? [tokenizer.BosId!.Value] : [];
        foreach (var template in PromptTemplates.All)
        {
            var encoder = new ExampleEncoder(tokenizer, template, new() { CutoffLength = int.MaxValue });
            var onInputs = new ExampleEncoder(tokenizer, template, new() { CutoffLength = int.MaxValue, TrainOnInputs = true });
            var spelled = template.SpecialTokens == "text";   // in the other forms a text that spells a token becomes it
            var opened = RandomConversations(200, seed: 5, specials: spelled).Where(c => template.Opening is not null
                || c.Turns.Count == 1 || c.Turns[0].Role != Role.Assistant).ToList();   // the others it refuses
            Assert.InRange(opened.Count, 150, 200);
            foreach (var conversation in opened)
            {
                var (ids, labels) = encoder.Encode(conversation)!;
                Assert.Equal(ids.Length, labels.Length);
                Assert.Equal(ids.Select((id, i) => labels[i] < 0 ? TokenizedExample.Ignored : id), labels);

                // Read back from the ids alone: what is supervised is the answers, each closed by one EOS.
                var segments = template.Render(conversation);
                Assert.Equal(Text(segments.Where(segment => segment.Supervised)), Decode(labels.Where(label => label >= 0)));
                var rest = ids.Where((_, i) => labels[i] < 0).ToArray();
                Assert.Equal(front, rest[..front.Length]);
                Assert.Equal(Text(segments.Where(segment => !segment.Supervised)), Decode(rest[front.Length..]));
                Assert.Equal(Text(segments), Decode(ids[front.Length..]));
                if (template.Eos == "every")
                {
                    Assert.Equal(conversation.Turns.Count(turn => turn.Role == Role.Assistant),
                        ids.Count(id => id == tokenizer.EosId));
                    Assert.Equal(tokenizer.EosId, labels[^1]);
                }
                if (spelled) Assert.DoesNotContain(tokenizer.BosId!.Value, ids[front.Length..]);

                var all = onInputs.Encode(conversation)!;
                Assert.Equal(ids, all.Ids);
                Assert.Equal([.. front.Select(_ => TokenizedExample.Ignored), .. ids[front.Length..]], all.Labels);

                var prompt = encoder.EncodePrompt(conversation);
                Assert.Equal(prompt, ids[..prompt.Length]);   // generation reads what training read
            }
            Assert.Equal((opened.Count, 0, 0), (encoder.Encoded, encoder.Truncated, encoder.Dropped));
        }

        // EOS is compared as its own text: a "</s>" written by a user is spelled out by ordinary tokens.
        string Decode(IEnumerable<int> ids) =>
            string.Concat(SplitAtEos(ids).Select(part => tokenizer.Decode(part, skipSpecial: false)));
        string Text(IEnumerable<Segment> segments) =>
            string.Concat(segments.Select(segment => segment.Special == SpecialToken.Eos ? "[EOS]" : segment.Text));
        IEnumerable<int[]> SplitAtEos(IEnumerable<int> ids)
        {
            var part = new List<int>();
            foreach (var id in ids)
            {
                if (id != tokenizer.EosId)
                {
                    part.Add(id);
                    continue;
                }
                yield return [.. part];
                yield return tokenizer.EncodeSegment("[EOS]", first: false);
                part.Clear();
            }
            yield return [.. part];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Truncation_keeps_the_front_and_counts(bool trainOnInputs)
    {
        var tokenizer = SmallTokenizer.Load(_folder);
        var template = PromptTemplates.Find("alpaca-short");
        var answers = new ExampleEncoder(tokenizer, template, new() { CutoffLength = int.MaxValue });
        var whole = new ExampleEncoder(tokenizer, template, new() { CutoffLength = int.MaxValue, TrainOnInputs = trainOnInputs });
        foreach (var cutoff in (int[])[1, 2, 40, 60, 100, 200, 400])
        {
            var encoder = new ExampleEncoder(tokenizer, template, new() { CutoffLength = cutoff, TrainOnInputs = trainOnInputs });
            var (encoded, truncated, dropped) = (0, 0, 0);
            foreach (var conversation in RandomConversations(300, seed: 9).Where(IsRendered))
            {
                var full = whole.Encode(conversation)!;
                var prompt = Array.FindIndex(answers.Encode(conversation)!.Labels, label => label >= 0);
                var example = encoder.Encode(conversation);
                // The mark of dropping: nothing to learn is left. With the prompt that is only a BOS alone.
                Assert.Equal(trainOnInputs ? cutoff == 1 : prompt >= cutoff, example is null);
                if (example is null) dropped++;
                else
                {
                    encoded++;
                    if (full.Ids.Length > cutoff) truncated++;
                    Assert.Equal(full.Ids.Take(cutoff), example.Ids);
                    Assert.Equal(full.Labels.Take(cutoff), example.Labels);
                }
            }
            Assert.Equal((encoded, truncated, dropped), (encoder.Encoded, encoder.Truncated, encoder.Dropped));
        }
    }

    [Fact]
    public void The_counts_are_said_to_people()
    {
        var tokenizer = SmallTokenizer.Load(_folder);
        var (short_, long_) = (Conversation.Instruction("a", "", "b"), Conversation.Instruction("a", "", new string('b', 90)));
        var bottomless = Conversation.Instruction(new string('a', 90), "", "b");
        var plain = PromptTemplates.Find("plain");
        var encoder = new ExampleEncoder(tokenizer, plain, new() { CutoffLength = 20 });
        Assert.Contains("contains no record", Assert.Throws<InputException>(() => encoder.RequireExamples()).Message);

        var droppedOnes = new List<Conversation>();
        Assert.Equal(3, encoder.EncodeAll([short_, bottomless, long_, short_, bottomless], onDropped: droppedOnes.Add).Count());
        Assert.Equal([bottomless, bottomless], droppedOnes);
        Assert.Equal("3 examples, 1 of them truncated to 20 tokens; 2 dropped (no token of an answer within 20 tokens)",
            encoder.Summary);
        encoder.RequireExamples();

        var tooShort = new ExampleEncoder(tokenizer, plain, new() { CutoffLength = 2 });
        Assert.Empty(tooShort.EncodeAll([short_, bottomless, long_]));
        Assert.Equal("cutoff_length 2 leaves no token to train on: the shortest prompt of the 3 records "
            + "takes 2 tokens before its "
            + "answer begins. Raise cutoff_length.", Assert.Throws<InputException>(() => tooShort.RequireExamples()).Message);

        var noAnswer = new ExampleEncoder(tokenizer, plain, new() { TrainOnInputs = true });
        Assert.Null(noAnswer.Encode(new([new(Role.User, "a")])));
        Assert.Contains("contains an answer", Assert.Throws<InputException>(() => noAnswer.RequireExamples()).Message);
        Assert.Throws<InputException>(() => new ExampleEncoder(tokenizer, plain, new() { CutoffLength = 0 }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(0)]
    public void Many_are_encoded_in_order_with_little_read_ahead(int degree)
    {
        var tokenizer = SmallTokenizer.Load(_folder);
        var encoder = new ExampleEncoder(tokenizer, PromptTemplates.Find("alpaca"), new() { CutoffLength = 80 });
        var conversations = RandomConversations(2000, seed: 1).Where(IsRendered).ToList();
        var expected = conversations.SelectMany(encoder.EncodeChunks).ToList();
        var dropped = encoder.Dropped;
        Assert.InRange(expected.Count, 100, 1900);

        var (read, ahead, given) = (0, 0, 0);
        foreach (var example in encoder.EncodeAll(Source(), degree))
        {
            Assert.Equal(expected[given].Ids, example.Ids);
            Assert.Equal(expected[given].Labels, example.Labels);
            ahead = Math.Max(ahead, read - given++);
        }
        Assert.Equal(expected.Count, given);
        Assert.Equal((2 * given, 2 * dropped), (encoder.Encoded, encoder.Dropped));
        if (degree > 0) Assert.InRange(ahead, 1, dropped + 64 * (degree + 1));

        IEnumerable<Conversation> Source()
        {
            foreach (var conversation in conversations)
            {
                read++;
                yield return conversation;
            }
        }
    }

    [Fact]
    public void An_error_in_the_source_or_in_a_record_comes_through_as_it_is()
    {
        var encoder = new ExampleEncoder(SmallTokenizer.Load(_folder), PromptTemplates.Find("alpaca"), new());
        IEnumerable<Conversation> Broken()
        {
            foreach (var conversation in RandomConversations(100, seed: 1).Where(IsRendered)) yield return conversation;
            throw new InputException("record 101");
        }
        Assert.Equal("record 101", Assert.Throws<InputException>(() => encoder.EncodeAll(Broken()).Count()).Message);
        var tool = new Conversation([new(Role.Tool, "")]);
        Assert.Contains("tool turn", Assert.Throws<InputException>(() => encoder.EncodeAll([tool]).Count()).Message);
        // stopping early is no error
        Assert.Equal(5, encoder.EncodeAll(RandomConversations(5000, seed: 2).Where(IsRendered)).Take(5).Count());
    }
}
