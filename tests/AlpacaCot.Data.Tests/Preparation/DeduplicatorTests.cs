using System.Globalization;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Duplicates;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Preparation;

public sealed class DeduplicatorTests
{
    private static Conversation Text(string text, int number = 0) => Conversation.PlainText(text) with { Origin = $"{number}" };

    private static List<RecordFinding> Removed(DuplicateOptions options, params IEnumerable<Conversation> records)
    {
        var findings = new List<RecordFinding>();
        var kept = new Deduplicator(options).Filter(records, findings.Add).Count();
        Assert.Equal(records.Count(), kept + findings.Count);
        return findings;
    }

    [Fact]
    public void Planted_duplicates_of_real_records_are_found_and_nothing_else()
    {
        List<Conversation> bases = [
            .. InstructionFile.Read(ReferenceData.Path("data/instruct/alpaca_data.json.gz")).Take(900),
            .. InstructionFile.Read(ReferenceData.Path("data/instruct_zh/zh-data-part-00.json.gz")).Take(450)];
        var set = new PlantedSet(bases, 5000);   // of a million: bench "preparation"
        var removed = Removed(new(), set.Records()).ToDictionary(f => Number(f.Record), f => f);

        var planted = new Dictionary<Planted, int>();
        var found = new Dictionary<Planted, int>();
        for (var i = bases.Count; i < set.Count; i++)
        {
            var (_, kind, from) = set.Record(i);
            // a duplicate among the real records: what is like it need not be like the other
            if (removed.ContainsKey(from)) continue;
            planted[kind] = planted.GetValueOrDefault(kind) + 1;
            if (removed.ContainsKey(i)) found[kind] = found.GetValueOrDefault(kind) + 1;
        }
        Assert.All((Planted[])[Planted.Exact, Planted.Near, Planted.Far], kind => Assert.True(planted[kind] > 400));
        Assert.Equal(planted[Planted.Exact], found[Planted.Exact]);
        Assert.InRange(found[Planted.Near] / (double)planted[Planted.Near], 0.99, 1);
        Assert.Equal(0, found.GetValueOrDefault(Planted.Far));
        // Each removal has a true similarity, and no chain: what it is like has stayed.
        foreach (var (number, finding) in removed)
        {
            var other = Number(finding.Other!);
            Assert.False(removed.ContainsKey(other));
            Assert.True(other < number);
            var plain = PlantedSet.Jaccard(set.Record(number).Made, set.Record(other).Made);
            Assert.InRange(plain, 0.6, 1);   // it knows fewer kinds of signs, so it is not quite the same
        }

        static int Number(string origin) => int.Parse(origin, CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.7)]
    [InlineData(0.8)]
    [InlineData(0.9)]
    public void Bands_find_pairs_at_the_threshold(double threshold)
    {
        var (random, minHash) = (new DeterministicRandom(1), new MinHash(threshold));
        var found = 0;
        for (var pair = 0; pair < 2000; pair++)
        {
            // Two sets of n with s shared have s / (2 n - s).
            const int n = 200;
            var shared = (int)Math.Ceiling(2 * n * threshold / (1 + threshold));
            var all = Enumerable.Range(0, 2 * n - shared).Select(_ => random.NextUInt64()).ToArray();
            var (a, b) = (minHash.Keys(all.AsSpan(0, n)), minHash.Keys(all.AsSpan(all.Length - n)));
            if (a.Zip(b).Any(keys => keys.First == keys.Second)) found++;
        }
        Assert.InRange(found / 2000.0, 0.975, 1);
    }

    [Fact]
    public void Near_means_the_jaccard_similarity_of_shingles()
    {
        var words = Enumerable.Range(0, 102).Select(i => $"word{i}").ToArray();   // 100 shingles
        var changed = (string[])words.Clone();
        changed[50] = "other";   // 97 shared of 103
        string[] texts = [string.Join(' ', words), string.Join(' ', changed)];
        var finding = Assert.Single(Removed(new() { Threshold = 0.94 }, Text(texts[0], 1), Text(texts[1], 2)));
        Assert.Equal(97 / 103.0, finding.Score!.Value, 1e-12);
        Assert.Equal(("2", "1", "near duplicate"), (finding.Record, finding.Other, finding.Step));
        Assert.Empty(Removed(new() { Threshold = 0.95 }, Text(texts[0]), Text(texts[1])));
        Assert.Empty(Removed(new() { Threshold = null }, Text(texts[0]), Text(texts[1])));
        // Words and characters in a shingle may be chosen: with single words 101 of 103 are shared.
        Assert.Single(Removed(new() { Threshold = 0.98, Words = 1 }, Text(texts[0]), Text(texts[1])));
    }

    [Theory]
    [InlineData("3 + 5 = 8", "3 - 5 = 8", false)]
    [InlineData("Name three colours.", "Name three COLOURS", true)]
    [InlineData("请给出三个保持健康的建议。", "请给出三个保持健康的建议", true)]
    [InlineData("请给出三个保持健康的建议。", "请给出五个学习英语的方法。", false)]
    [InlineData("ＡＢＣ １２３", "abc 123", true)]
    [InlineData("What is 17 times 23?", "What is 17 times 24?", false)]
    [InlineData("Move up. ╔══╦══╗\n║ X ║ Y ║\n╚══╩══╝", "Go right. ╔══╦══╗\n║ X ║ Y ║\n╚══╩══╝",
        false)]   // a frame does not make alike
    [InlineData("!!!", "???", false)]
    [InlineData("", " ", false)]
    [InlineData("👍👍", "👎👎", false)]
    public void Case_width_and_punctuation_do_not_tell_texts_apart_but_symbols_do(string a, string b, bool duplicates) =>
        Assert.Equal(duplicates ? 1 : 0, Removed(new(), Text(a), Text(b)).Count);

    [Fact]
    public void Exact_duplicates_have_the_same_turns_not_just_the_same_text()
    {
        var (a, b) = (Conversation.Instruction("x", "", "y"), Conversation.Instruction("x", "y", ""));
        Assert.Empty(Removed(new() { Threshold = null }, a, b));
        Assert.Equal("exact duplicate", Assert.Single(Removed(new() { Threshold = null }, a, b, a)).Step);
        Assert.Empty(Removed(new() { Threshold = null }, a, a with { Rejected = "z" }));
    }

    [Fact]
    public void A_set_from_one_template_takes_no_quadratic_time()
    {
        // All share most shingles, none is a duplicate: candidates without end, were they not bounded.
        var frame = string.Join(' ', Enumerable.Range(0, 60).Select(i => $"frame{i}"));
        var records = Enumerable.Range(0, 3000).Select(i =>
            Text(frame + string.Concat(Enumerable.Range(0, 40).Select(j => $" v{i}x{j}")), i));
        Assert.Empty(Removed(new(), records));
    }

    [Fact]
    public void Impossible_thresholds_are_refused()
    {
        Assert.Throws<InputException>(() => new Deduplicator(new() { Threshold = 0 }));
        Assert.Throws<InputException>(() => new Deduplicator(new() { Threshold = 1.1 }));
        Assert.Throws<InputException>(() => new Deduplicator(new() { Words = 0 }));
        var missing = new Deduplicator(new() { TemporaryFolder = "/nowhere/at/all" });
        Assert.Contains("cannot create a temporary file",
            Assert.Throws<InputException>(() => missing.Filter([Text("x")]).Count()).Message, StringComparison.Ordinal);
    }
}
