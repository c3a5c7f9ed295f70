using AlpacaCot.Studies.Published;

namespace AlpacaCot.Studies.Tests;

public sealed class PublishedTableTests
{
    [Fact]
    public void The_published_tables_are_whole_and_their_averages_are_those_of_their_columns()
    {
        Assert.Contains("2310.07328", PublishedTable.Source, StringComparison.Ordinal);
        foreach (var table in PublishedTable.All)
            foreach (var row in table.Rows)
            {
                Assert.Equal(table.Columns.Count, row.Values.Count);
                if (table.Columns[^1] != "average" || row.Values.Contains(null)) continue;
                // As printed: rounded values, rounded means.
                var step = table.Columns.Count > 6 ? 0.1 : 0.01;
                Assert.InRange(row.Values.SkipLast(1).Average()!.Value - row.Values[^1]!.Value, -0.51 * step, 0.51 * step);
            }
        PublishedTable Table(string id) => PublishedTable.All.Single(t => t.Id == id);
        Assert.Equal(58.7, Table("table-4").Value("SadapterH", "belle-eval"));
        Assert.Null(Table("table-7").Value("COIG-exam", "average"));
        Assert.Equal(12_845, Table("table-9").Rows.Sum(r => r.Values[0]));
    }
}
