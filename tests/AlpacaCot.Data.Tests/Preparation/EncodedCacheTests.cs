using AlpacaCot.Data.Preparation;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;

namespace AlpacaCot.Data.Tests.Preparation;

public sealed class EncodedCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _notes = [];

    public void Dispose() => _folder.Dispose();

    private EncodedCache Cache(long limit = 1 << 30) => new(_folder.File("cache"), limit);

    private static List<TokenizedExample> Examples(int count, int longest, ulong seed = 5)
    {
        var random = new DeterministicRandom((long)seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, random.NextInt(longest))
                .Select(_ => random.NextInt(3) == 0 ? 0 : random.NextInt(300_000))];
            return new TokenizedExample(ids, [.. ids.Select(id => random.NextInt(2) == 0 ? id : TokenizedExample.Ignored)]);
        })];
    }

    private static void Put(EncodedCache cache, string key, params IEnumerable<TokenizedExample>[] sets) =>
        cache.Write(key, file =>
        {
            foreach (var set in sets) file.Add(set, () => []);
            return key;
        });

    [Fact]
    public void What_was_written_is_found_with_its_fingerprint_and_conversations()
    {
        var (large, small) = (Examples(2000, 200), Examples(7, 200_000, seed: 6));   // examples longer than the buffer
        Conversation[] first =
        [
            Conversation.Instruction("Ask", "about", "Answer ümlaut 中文") with { Origin = "a.json, record 1" },
            new([new Turn(Role.System, "s"), new Turn(Role.User, "u"), new Turn(Role.Assistant, "a") { Reasoning = "because" }]),
        ];
        var written = Cache().Write("key", file =>
        {
            file.Add(large, () => [first[0], null, first[1]]);
            file.Add([], () => []);
            file.Add(small, () => []);
            return "described";
        });
        foreach (var sets in new[] { written, Cache().Find("key", _notes.Add)! })
        {
            Assert.Equal("described", sets.Description);
            Assert.Equal(3, sets.Sets.Count);
            Assert.Equal([EncodedDataset.From(large).Fingerprint(), EncodedDataset.From([]).Fingerprint(),
                EncodedDataset.From(small).Fingerprint()], sets.Sets.Select(set => set.Rows.Fingerprint()));
            var rows = sets.Sets[2].Rows;
            for (var i = 0; i < small.Count; i++)
            {
                Assert.Equal(small[i].Ids, rows[i].Ids);
                Assert.Equal(small[i].Labels, rows[i].Labels);
            }
            Assert.Equal(large.Sum(e => (long)e.Ids.Length), sets.Sets[0].Rows.TokenCount);
            Assert.Equal(EncodedDataset.From(large).SplitExamples(50, 3).Validation,
                sets.Sets[0].Rows.SplitExamples(50, 3).Validation);
            var kept = sets.Sets[0].First();
            Assert.Equal(3, kept.Count);
            Assert.Null(kept[1]);
            Assert.Equal(("a.json, record 1", "Answer ümlaut 中文"), (kept[0]!.Origin, kept[0]!.Turns[^1].Text));
            Assert.Equal("because", kept[2]!.Turns[^1].Reasoning);
            Assert.Empty(sets.Sets[2].First());
        }
        Assert.Null(Cache().Find("other", _notes.Add));
        Assert.Empty(_notes);
    }

    [Fact]
    public void Parts_of_a_text_are_known_after_the_file_is_read()
    {
        var parts = Enumerable.Range(0, 12).Select(i => new TokenizedExample([i], [i]) { Continues = i % 3 > 0 }).ToList();
        Cache().Write("parts", file =>
        {
            file.Add(parts, () => []);
            return "";
        });
        var (train, validation) = Cache().Find("parts", _notes.Add)!.Sets[0].Rows.SplitExamples(3, seed: 2);
        Assert.Equal(EncodedDataset.From(parts).SplitExamples(3, seed: 2).Validation, validation);
        Assert.Single(validation.Select(i => i / 3).Distinct());
        Assert.Equal(9, train.Count);
    }

    [Theory]
    [InlineData(0)]       // the mark
    [InlineData(100)]     // a token
    [InlineData(-60)]     // a number of the index
    [InlineData(-1)]      // the checksum
    [InlineData(null)]    // the end is missing
    public void A_damaged_file_is_removed_with_a_note(int? at)
    {
        Put(Cache(), "key", Examples(100, 50));
        var path = Directory.GetFiles(_folder.File("cache")).Single();
        var bytes = File.ReadAllBytes(path);
        if (at is { } place) bytes[place < 0 ? bytes.Length + place : place] ^= 1;
        File.WriteAllBytes(path, at is null ? bytes[..^200] : bytes);
        Assert.Null(Cache().Find("key", _notes.Add));
        Assert.Contains("is damaged", Assert.Single(_notes), StringComparison.Ordinal);
        Assert.False(File.Exists(path));
        Put(Cache(), "key", Examples(100, 50));
        Assert.NotNull(Cache().Find("key", _notes.Add));
        Assert.Single(_notes);
    }

    [Fact]
    public void Beyond_the_limit_what_was_used_longest_ago_is_removed()
    {
        var size = 0L;
        foreach (var (i, key) in new[] { "a", "b", "c" }.Index())
        {
            Put(Cache(), key, Examples(100, 50));
            size = Cache().Size / (i + 1);
            Age(key, hours: 10 - i);
        }
        Assert.NotNull(Cache().Find("a", _notes.Add));                   // used now
        Put(Cache(limit: 3 * size), "d", Examples(100, 50));
        Assert.Equal(["a", "c", "d"], Keys());
        Put(Cache(limit: 1), "e", Examples(100, 50));
        Assert.Equal(["e"], Keys());                                     // what was just written is in use
        Assert.Equal((1, size), (Cache().Count, Cache().Size));

        void Age(string key, int hours) =>
            File.SetLastWriteTimeUtc(Path.Combine(_folder.File("cache"), key + ".tokens"), DateTime.UtcNow.AddHours(-hours));
        IEnumerable<string> Keys() => Directory.GetFiles(_folder.File("cache")).Select(f => Path.GetFileNameWithoutExtension(f))
            .Order();
    }

    [Fact]
    public void Data_in_use_outlives_its_file()
    {
        var examples = Examples(100, 50);
        Put(Cache(), "key", examples);
        var open = Cache().Find("key", _notes.Add)!;
        Put(Cache(), "key", Examples(100, 50, seed: 9));      // another process replaces it
        Directory.Delete(_folder.File("cache"), recursive: true);
        Assert.Equal(EncodedDataset.From(examples).Fingerprint(), open.Sets[0].Rows.Fingerprint());
    }

    [Fact]
    public void Many_writers_and_readers_of_one_key_at_once_are_safe()
    {
        var (examples, found) = (Examples(200, 50), 0);
        var wanted = EncodedDataset.From(examples).Fingerprint();
        Parallel.For(0, 24, new ParallelOptions { MaxDegreeOfParallelism = 6 }, i =>
        {
            var cache = Cache(limit: 1);
            if (i % 2 == 0) Put(cache, i % 3 == 0 ? "one" : "two", examples);
            else if (cache.Find("one", note => throw new InvalidOperationException(note)) is { } sets)
            {
                Assert.Equal(wanted, sets.Sets[0].Rows.Fingerprint());
                Interlocked.Increment(ref found);
            }
        });
        Assert.NotEqual(-1, found);
    }

    [Fact]
    public void A_failed_writer_leaves_nothing()
    {
        Assert.Throws<InputException>(() => Cache().Write("key", file =>
        {
            file.Add(Examples(3, 50), () => []);
            throw new InputException("a record is bad");
        }));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("cache")));
    }

    [Fact]
    public void The_folder_follows_the_environment()
    {
        static Func<string, string?> With(params (string Name, string Value)[] set) =>
            name => set.Where(v => v.Name == name).Select(v => v.Value).FirstOrDefault();
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal("/home/me/.cache/alpaca-cot", UserCache.Folder(With(("HOME", "/home/me"))));
            Assert.Equal("/fast/alpaca-cot", UserCache.Folder(With(("HOME", "/home/me"), ("XDG_CACHE_HOME", "/fast"))));
            Assert.Equal("/home/me/.cache/alpaca-cot",
                UserCache.Folder(With(("HOME", "/home/me"), ("XDG_CACHE_HOME", "relative"))));
            Assert.Equal("/own", UserCache.Folder(With(("HOME", "/home/me"), ("ALPACACOT_CACHE", "/own"))));
        }
        Assert.Null(UserCache.Folder(With(("HOME", "/home/me"), ("ALPACACOT_CACHE", "off"))));
        Assert.Equal(10_000_000_000, UserCache.Limit(With()));
        Assert.Equal(500_000_000, UserCache.Limit(With(("ALPACACOT_CACHE_GB", "0.5"))));
        Assert.Contains("ALPACACOT_CACHE_GB is \"much\"",
            Assert.Throws<InputException>(() => UserCache.Limit(With(("ALPACACOT_CACHE_GB", "much")))).Message,
                StringComparison.Ordinal);
    }
}
