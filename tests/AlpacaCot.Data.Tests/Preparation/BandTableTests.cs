using AlpacaCot.Data.Preparation.Duplicates;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Tests.Preparation;

/// <summary>The compact tables of the deduplicator find what plain dictionaries find.</summary>
public sealed class BandTableTests
{
    [Theory]
    [InlineData(1_000, 200)]
    [InlineData(300_000, 1 << 20)]       // several times settled
    [InlineData(120_000, 3)]             // few keys: the limit of a key
    [InlineData(100_000, 0)]             // keys at the ends of the range only
    public void A_table_finds_the_records_of_every_key(int records, int keys)
    {
        var random = new DeterministicRandom(3);
        var table = new BandTable(new SettlingArrays());
        var plain = new Dictionary<uint, List<int>>();
        var found = new List<int>();
        for (var record = 0; record < records; record++)
        {
            var key = keys == 0 ? (record % 5) switch { 0 => 0u, 1 => uint.MaxValue, 2 => 0xFFFFu, 3 => 0x10000u,
                _ => 0xFFFF0000u }
                : keys < 1000 ? (uint)random.NextInt(keys) * 0x10001u : (uint)random.NextUInt64() % (uint)keys * 4099u;
            found.Clear();
            var same = table.Find(key, found);
            Assert.Equal(same, found.Count);
            plain.TryAdd(key, []);
            if (record % 97 == 0 || keys > 1000) Assert.Equal(plain[key], found.Order());
            table.Add(key, record, same);
            if (plain[key].Count < BandTable.MostOfAKey) plain[key].Add(record);
        }
        foreach (var (key, wanted) in plain)
        {
            found.Clear();
            table.Find(key, found);
            Assert.Equal(wanted, found.Order());
        }
        found.Clear();
        Assert.Equal(0, table.Find(0x12345u, found));
    }

    [Fact]
    public void A_table_of_contents_finds_each_record()
    {
        var table = new ContentTable();
        static UInt128 Content(int record) => new((ulong)record, (ulong)(record / 3));   // lower halves collide
        for (var record = 0; record < 40_000; record++)
        {
            Assert.Equal(-1, table.Find(Content(record)));
            table.Add(Content(record));
            Assert.Equal(record / 2, table.Find(Content(record / 2)));
        }
    }
}
