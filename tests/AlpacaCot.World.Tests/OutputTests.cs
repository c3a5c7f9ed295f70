using System.Text.RegularExpressions;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.World.Tests;

public sealed partial class OutputTests
{
    private static readonly Output World = new(seed: 1, documents: 4000);

    [Fact]
    public void One_seed_gives_the_same_bytes_and_another_gives_others()
    {
        using var folders = new TemporaryFolder();
        var (first, second, other) = (folders.File("first"), folders.File("second"), folders.File("other"));
        new Output(5, 200).Write(first);
        new Output(5, 200).Write(second);
        new Output(6, 200).Write(other);
        foreach (var file in (string[])["corpus.jsonl", "train.json", "heldout.json", "base/tokenizer.json", "base/config.json"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(first, file)), File.ReadAllBytes(Path.Combine(second, file)));
        Assert.NotEqual(File.ReadAllText(Path.Combine(first, "train.json")), File.ReadAllText(Path.Combine(other, "train.json")));
    }

    [Fact]
    public void Sizes_are_as_promised()
    {
        Assert.InRange(World.Train.Length, 1500, 3000);
        Assert.All(World.HeldOut.GroupBy(r => r.Category), group => Assert.Equal(World.HeldOut.Length / 3, group.Count()));
    }

    [Fact]
    public void Held_out_problems_share_nothing_with_training()
    {
        var texts = World.Train.Select(r => (r.Text, r.Input)).ToHashSet();
        Assert.All(World.HeldOut, r => Assert.DoesNotContain((r.Text, r.Input), texts));
        var facts = World.Train.SelectMany(r => r.Asks).ToHashSet();
        Assert.All(World.HeldOut.SelectMany(r => r.Asks), f => Assert.DoesNotContain(f, facts));
        var people = WorldFacts.HeldOut(World.World.People);
        Assert.All(World.Train,
            r => Assert.DoesNotContain(people, p => (r.Text + r.Output).Contains(p.Name.English, StringComparison.Ordinal)
            || (r.Text + r.Output).Contains(p.Name.Chinese, StringComparison.Ordinal)));
        var sums = World.Train.Where(r => r.Category == "reasoning").SelectMany(r => Sums(r.Output)).Select(Unordered)
            .ToHashSet();
        Assert.All(World.HeldOut.Where(r => r.Category == "reasoning").SelectMany(r => Sums(r.Output)),
            s => Assert.DoesNotContain(Unordered(s), sums));

        static (int, char, int) Unordered((int Left, char Operator, int Right, int) s) => s.Operator is '-' || s.Left < s.Right
            ? (s.Left, s.Operator, s.Right) : (s.Right, s.Operator, s.Left);
    }

    [Fact]
    public void The_base_reads_no_instruction()
    {
        var corpus = string.Join('\n', World.Documents);
        Assert.All(World.Train.Concat(World.HeldOut), r => Assert.DoesNotContain(r.Text, corpus, StringComparison.Ordinal));
        foreach (var mark in (string[])["###", "The answer is", "答案"])
            Assert.DoesNotContain(mark, corpus, StringComparison.Ordinal);
    }

    [Fact]
    public void The_base_reads_every_character_that_instructions_and_answers_use()
    {
        var read = string.Concat(World.Documents.Concat(World.Conversations)).ToHashSet();
        Assert.All(World.Train.Concat(World.HeldOut),
            r => Assert.All(r.Text + r.Input + r.Output, c => Assert.Contains(c, read)));
    }

    [Fact]
    public void In_conversations_nobody_asks_about_what_is_held_out()
    {
        var exchanges = string.Join('\n', World.Conversations);
        Assert.All(World.HeldOut.Where(r => r.Input.Length == 0),
            r => Assert.DoesNotContain(r.Text, exchanges, StringComparison.Ordinal));
        Assert.All(World.Train.Concat(World.HeldOut).Where(r => r.Category == "reasoning"),
            r => Assert.DoesNotContain(r.Text, exchanges, StringComparison.Ordinal)); // stories are told, no problem is set
        // control: training is asked about
        Assert.Contains(World.Train, r => exchanges.Contains(r.Text, StringComparison.Ordinal));
        foreach (var mark in (string[])["###", "The answer is", "答案"])
            Assert.DoesNotContain(mark, exchanges, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_part_of_a_held_out_name_occurs_in_training_and_strangers_share_no_name_with_the_known()
    {
        var (heldOut, asked) = (WorldFacts.HeldOut(World.World.People), WorldFacts.Asked(World.World.People));
        Assert.Equal((10, 30), (heldOut.Length, asked.Length));
        var parts = asked.SelectMany(p => p.Name.English.Split(' ')).ToHashSet();
        Assert.All(heldOut.SelectMany(p => p.Name.English.Split(' ')), part => Assert.Contains(part, parts));
        var names = World.World.People.Concat(World.World.Strangers).Select(p => p.Name).ToArray();
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Fact]
    public void Every_sum_is_right()
    {
        string[] texts = [.. World.Documents, .. World.Conversations, .. World.Train.Concat(World.HeldOut).Select(r => r.Output)];
        var sums = texts.SelectMany(Sums).ToArray();
        Assert.True(sums.Length > 5000);
        Assert.All(sums, s => Assert.Equal(Compute(s.Left, s.Operator, s.Right), s.Result));
        var told = texts.SelectMany(t => InWords().Matches(t)).ToArray();
        Assert.True(told.Length > 200);
        Assert.All(told, m => Assert.Equal(
            Compute(Number(m, 1), m.Groups[2].Value switch { "plus" or "加" => '+', "minus" or "减" => '-', _ => '×' },
                Number(m, 3)),
            Number(m, 4)));
    }

    [Fact]
    public void Reasoning_uses_the_numbers_of_the_story_and_ends_in_its_last_result()
    {
        foreach (var record in World.Train.Concat(World.HeldOut).Where(r => r.Category == "reasoning"))
        {
            var sums = Sums(record.Output).ToArray();
            Assert.Equal(sums[^1].Result,
                int.Parse(Regex.Match(record.Output, @"(?:The answer is |答案是)(\d+)[.。]$").Groups[1].Value, null));
            var given = Regex.Matches(record.Text, @"\d+").Select(m => int.Parse(m.Value, null)).ToHashSet();
            var used =
                sums.SelectMany(
                    (s, i) => new[] { s.Left, s.Right }.Where(n => !sums[..i].Any(b => b.Result == n) || given.Contains(n)));
            Assert.True(given.SetEquals(used), $"{record.Text} -> {record.Output}");
        }
    }

    [Fact]
    public void Answers_agree_with_the_facts()
    {
        foreach (var record in World.Train.Concat(World.HeldOut).Where(r => r.Asks.Length > 0))
        {
            var language = record.Category == "english" ? Language.English : Language.Chinese;
            var output = record.Output;
            foreach (var fact in record.Asks)
            {
                Assert.Equal(fact, World.World[fact.Subject, fact.Relation]);
                Assert.Contains(fact.Value.In(language), output, StringComparison.OrdinalIgnoreCase);
                Assert.Contains(fact.Subject.In(language), output, StringComparison.OrdinalIgnoreCase);
            }
            if (Verdict().Match(output) is { Success: true } verdict)
            {
                var truth = output[..output.LastIndexOfAny([',', '，'])];
                Assert.Equal(record.Text.Contains(truth, StringComparison.OrdinalIgnoreCase),
                    verdict.Value is "so yes." or "所以对。");
            }
            if (record.Asks.Length != 2) continue;
            var wanted = record.Text.Contains("older") || record.Text.Contains("年长")
                ? record.Asks.MaxBy(f => int.Parse(f.Value.English, null))!
                : record.Asks.MinBy(f => int.Parse(f.Value.English, null))!;
            Assert.Contains(language is Language.English
                ? $"so {wanted.Subject.Name.English} is" : $"所以{wanted.Subject.Name.Chinese}更", output);
        }
    }

    [Fact]
    public void The_tokenizer_gives_texts_back_and_keeps_digits_and_characters_apart()
    {
        using var folders = new TemporaryFolder();
        var trained = World.TrainTokenizer();
        trained.Save(folders.File("base"), "<s>", "</s>", "<pad>", Output.ContextLength);
        var tokenizer = Tokenizer.Load(folders.File("base"));
        foreach (var text in World.Documents.Take(500).Concat(World.HeldOut.Select(r => r.Text)))
        {
            var ids = tokenizer.Encode(text);
            Assert.Equal(tokenizer.BosId, ids[0]);
            Assert.Equal(text, tokenizer.Decode(ids));
            var pieces = ids.Skip(1).Select(id => tokenizer.Decode([id])).Where(p => p.Length > 1);
            Assert.All(pieces, p => Assert.DoesNotContain(p, c => char.IsDigit(c) || c is >= '一' and <= '鿿'));
        }
    }

    [Fact]
    public void Every_fact_is_stated_in_both_languages()
    {
        // "lives in", "家在" and all other wordings have subject and value in one sentence.
        var sentences = new Output(seed: 1, documents: 12_000).Documents.SelectMany(d => Regex.Split(d, @"[.。\n]")).ToArray();
        var pairs = World.World.Facts.Where(f => f.Subject.Kind is Kind.Person);
        Assert.All(pairs, f => Assert.All([Language.English, Language.Chinese], language => Assert.Contains(sentences,
            s => s.Contains(f.Subject.Name.In(language), StringComparison.Ordinal)
                && s.Contains(f.Value.In(language), StringComparison.Ordinal))));
    }

    private static IEnumerable<(int Left, char Operator, int Right, int Result)> Sums(string text) =>
        Equation().Matches(text).Select(m => (Number(m, 1), m.Groups[2].Value[0], Number(m, 3), Number(m, 4)));

    private static int Compute(int a, char sign, int b) => sign switch { '+' => a + b, '-' => a - b, _ => a * b };

    private static int Number(Match m, int group) => int.Parse(m.Groups[group].Value, null);

    [GeneratedRegex(@"(\d+) ([+\-×]) (\d+) = (\d+)")]
    private static partial Regex Equation();

    [GeneratedRegex(@"(\d+)(?: (plus|minus|times) |(?<2>[加减乘]))(\d+)(?: is |等于)(\d+)")]
    private static partial Regex InWords();

    [GeneratedRegex(@"so (yes|no)\.$|所以(对|不对)。$")]
    private static partial Regex Verdict();
}
