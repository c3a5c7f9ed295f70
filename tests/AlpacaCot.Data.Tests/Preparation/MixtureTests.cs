using System.Text.Json;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Preparation;

public sealed class MixtureTests
{
    private static MixtureSource Set(string name, int count) => new(name, () => Enumerable.Range(0, count)
        .Select(i => Conversation.Instruction($"{name}{i}", i % 3 == 0 ? "输入"
            : "", "o") with { Origin = $"{name}, record {i + 1}" }));

    private static List<string> Draw(MixtureOptions options, params MixtureSource[] sets) => Draw(new Mixture(sets, options));

    private static List<string> Draw(Mixture mixture) => [.. mixture.Read().Select(record => record.Turns[0].Text)];

    private static int From(IEnumerable<string> drawn, string set) =>
        drawn.Count(text => text.StartsWith(set, StringComparison.Ordinal));

    [Theory]
    [InlineData(1.0, null, 10)]
    [InlineData(2.0, null, 20)]
    [InlineData(0.5, null, 5)]
    [InlineData(2.3, null, 23)]
    [InlineData(0.29, null, 2)]
    [InlineData(1.0, 3.0, 30)]
    [InlineData(0.5, 3.0, 15)]
    public void Weights_and_epochs_say_how_often_records_count(double weight, double? epochs, int expected)
    {
        var set = Set("a", 10) with { Weight = weight, Epochs = epochs };
        var drawn = Draw(new(), set);
        Assert.Equal(expected, drawn.Count);
        var times = drawn.GroupBy(text => text).Select(group => group.Count()).ToList();
        Assert.InRange(times.Max() - times.Min(), 0, 1);
        // Repetitions lie a pass apart.
        if (expected >= 20) Assert.Equal(drawn[..10], drawn[10..20]);
        Assert.Equal(expected, From(Draw(new() { Order = MixtureOrder.Interleave }, set), "a"));
    }

    [Fact]
    public void Skip_and_limit_choose_records_before_anything_else()
    {
        var set = Set("a", 100) with { Skip = 10, Limit = 4, Weight = 2 };
        Assert.Equal(["a10", "a11", "a12", "a13", "a10", "a11", "a12", "a13"], Draw(new(), set));
    }

    [Fact]
    public void A_group_has_one_share_that_its_sets_divide_by_records_and_weights()
    {
        MixtureSource[] Sets(double weight) =>
        [
            Set("a", 300) with { Share = 0.5, Group = "g" }, Set("b", 100) with { Share = 0.5, Group = "g", Weight = weight },
            Set("c", 800) with { Share = 0.25 }, Set("d", 900),
        ];
        var drawn = Draw(new() { Size = 400 }, Sets(1));
        Assert.Equal((150, 50, 100, 100), (From(drawn, "a"), From(drawn, "b"), From(drawn, "c"), From(drawn, "d")));
        drawn = Draw(new() { Size = 400 }, Sets(3));
        Assert.Equal((100, 100), (From(drawn, "a"), From(drawn, "b")));
        Assert.Contains("one common share", Assert.Throws<InputException>(() => Draw(new(), Set("a", 3) with
            { Share = 0.5, Group = "g" }, Set("b", 3) with { Share = 0.4, Group = "g" }, Set("c", 3))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Shares_are_exact_and_nothing_is_repeated_unless_allowed()
    {
        var (a, b) = (Set("a", 1000) with { Share = 0.75 }, Set("b", 100) with { Share = 0.25 });
        var drawn = Draw(new(), a, b);
        Assert.Equal((300, 100), (From(drawn, "a"), From(drawn, "b")));
        Assert.Equal(drawn.Count, drawn.Distinct().Count());
        // Thinned evenly over the whole set.
        Assert.InRange(drawn.Take(300).Select(text => int.Parse(text[1..])).Average(), 490, 510);

        drawn = Draw(new(), a, b with { Epochs = 3 });
        Assert.Equal((900, 300), (From(drawn, "a"), From(drawn, "b")));
        drawn = Draw(new() { Size = 2001 }, a, b);
        Assert.Equal((1501, 500), (From(drawn, "a"), From(drawn, "b")));

        // A set without a share fills the rest.
        drawn = Draw(new(), Set("a", 60), b with { Share = 0.4 });
        Assert.Equal((60, 40), (From(drawn, "a"), From(drawn, "b")));
    }

    [Fact]
    public void A_temperature_lets_small_sets_gain()
    {
        MixtureSource[] sets = [Set("a", 10_000), Set("b", 100)];
        var drawn = Draw(new() { Temperature = 2, Size = 1100 }, sets);
        Assert.Equal((1000, 100), (From(drawn, "a"), From(drawn, "b")));   // 100 : 10 by square roots
        drawn = Draw(new() { Temperature = 1, Size = 1010 }, sets);
        Assert.Equal((1000, 10), (From(drawn, "a"), From(drawn, "b")));
        // Two passes over the small set allow twice the mixture.
        drawn = Draw(new() { Temperature = 2 }, sets[0], sets[1] with { Epochs = 2 });
        Assert.Equal((2000, 200), (From(drawn, "a"), From(drawn, "b")));
    }

    [Fact]
    public void Interleaving_spreads_every_set_evenly()
    {
        var drawn = Draw(new() { Order = MixtureOrder.Interleave }, Set("a", 300), Set("b", 100), Set("c", 7));
        Assert.Equal(407, drawn.Count);
        for (var window = 0; window + 40 <= 400; window += 40)
        {
            Assert.InRange(From(drawn.Skip(window).Take(40), "a"), 28, 31);
            Assert.InRange(From(drawn.Skip(window).Take(40), "b"), 9, 11);
            Assert.InRange(From(drawn.Skip(window).Take(40), "c"), 0, 1);
        }
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"a{i}"), drawn.Where(text => text[0] == 'a'));
    }

    [Fact]
    public void A_shuffle_is_fixed_by_the_seed_alone_and_even()
    {
        MixtureSource[] sets = [Set("a", 2000), Set("b", 500)];
        var options = new MixtureOptions { Order = MixtureOrder.Shuffle, Seed = 7 };
        var whole = new Mixture(sets, options);
        var drawn = Draw(whole);
        Assert.Equal(2500, drawn.Distinct().Count());
        Assert.InRange(From(drawn.Take(500), "b"), 70, 130);

        // The same, origins and inputs included, through many runs on the disk; nothing is left there.
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-shuffle-");
        try
        {
            var small = new Mixture(sets, options with { Memory = 10_000, TemporaryFolder = folder.FullName });
            Assert.Equal(new Mixture(sets, options).Read().Select(r => (r.Turns[0], r.Origin)),
                small.Read().Select(r => (r.Turns[0], r.Origin)));
            Assert.Equal(whole.Report!.Fingerprint, small.Report!.Fingerprint);
            Assert.Empty(folder.GetFiles());
            foreach (var _ in small.Read().Take(3)) { }   // given up half-way
            Assert.Empty(folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        Assert.NotEqual(drawn, Draw(options with { Seed = 8 }, sets));

        // Every order of four is as likely as any other.
        var orders = Enumerable.Range(0, 4800).GroupBy(seed => string.Concat(Draw(options with { Seed = seed }, Set("", 4))))
            .Select(group => group.Count()).ToList();
        Assert.Equal(24, orders.Count);
        Assert.InRange(orders.Sum(n => (n - 200.0) * (n - 200.0) / 200.0), 5, 50);
    }

    [Fact]
    public void A_fingerprint_covers_content_and_order_and_nothing_else()
    {
        Conversation[] records = [Conversation.Instruction("a", "b", "c"), Conversation.Instruction("d", "", "e")];
        var fingerprint = ConversationFingerprint.Of(records);
        Assert.Equal(64, fingerprint.Length);
        Assert.Equal(fingerprint, ConversationFingerprint.Of(records.Select(record => record with { Origin = "elsewhere" })));
        Conversation[][] others = [[records[1], records[0]], [records[0]], [Conversation.Instruction("ab", "", "c"), records[1]],
            [Conversation.Instruction("a", "", "bc"), records[1]], []];
        Assert.DoesNotContain(fingerprint, others.Select(ConversationFingerprint.Of));
        // From an independent program. It is compared with what run folders hold, so it does not change.
        Assert.Equal("d790c9c2cc31ccfea590cb0e6e7c3b9f83a6e991b5d62a40958d752e708b539e", fingerprint);
    }

    [Fact]
    public void A_shuffle_on_the_disk_keeps_everything_of_a_record()
    {
        var record = new Conversation([new Turn(Role.System, "s"), new Turn(Role.User, "问", "🙂"),
            new Turn(Role.Tool, "") { Metadata = new Dictionary<string, JsonElement> { ["name"] = JsonElement.Parse("\"f\"") } }])
        {
            Origin = "o", Rejected = "", Metadata = new Dictionary<string, JsonElement>
            {
                ["z"] = JsonElement.Parse("{ \"a\": [1, null, 1.50] }"), ["a"] = JsonElement.Parse("true"),
            },
        };
        var back = ExternalShuffle.Shuffle([record, record], 1, memory: 1).First();
        Assert.Equal(record.Turns.Select(turn => (turn.Role, turn.Text, turn.Input)),
            back.Turns.Select(turn => (turn.Role, turn.Text, turn.Input)));
        Assert.Equal((record.Origin, record.Rejected!.Text), (back.Origin, back.Rejected!.Text));
        Assert.Equal("f", back.Turns[2].Metadata["name"].GetString());
        Assert.Equal(["z", "a"], back.Metadata.Keys);
        Assert.Equal("{\"a\":[1,null,1.50]}", back.Metadata["z"].GetRawText());
    }

    [Fact]
    public void The_report_says_what_each_set_gave()
    {
        var mixture = new Mixture([Set("a", 10) with { Weight = 1.5 }, Set("b", 4)], new() { Order = MixtureOrder.Shuffle });
        Assert.Null(mixture.Report);
        _ = Draw(mixture);
        Assert.Equal([new MixturePart("a", 10, 15), new MixturePart("b", 4, 4)], mixture.Report!.Parts);
        Assert.Equal(19, mixture.Report.Records);
        Assert.Equal(ConversationFingerprint.Of(mixture.Read()), mixture.Report.Fingerprint);
    }

    [Fact]
    public void A_mixture_that_cannot_be_is_refused()
    {
        Refused("at least one set");
        Refused("add up to 1.2", Set("a", 1) with { Share = 0.6 }, Set("b", 1) with { Share = 0.6 });
        Refused("add up to 0.5", Set("a", 1) with { Share = 0.5 });
        Refused("b: the shares of the other sets already add up to 1", Set("a", 1) with { Share = 1 }, Set("b", 1));
        Refused("omit the weight", Set("a", 1) with { Share = 0.5, Weight = 2 }, Set("b", 1));
        Refused("the weight is -1", Set("a", 1) with { Weight = -1 });
        Assert.Contains("5 passes over its 10, but its epochs are 2", Assert.Throws<InputException>(() =>
            Draw(new() { Size = 100 }, Set("a", 10) with { Epochs = 2 , Share = 0.5 }, Set("b", 50))).Message,
                StringComparison.Ordinal);
        Assert.Contains("no records to mix", Assert.Throws<InputException>(() => Draw(new() { Size = 5 }, Set("a", 0))).Message,
            StringComparison.Ordinal);

        static void Refused(string why, params MixtureSource[] sets) =>
            Assert.Contains(why, Assert.Throws<InputException>(() => new Mixture(sets)).Message, StringComparison.Ordinal);
    }
}
