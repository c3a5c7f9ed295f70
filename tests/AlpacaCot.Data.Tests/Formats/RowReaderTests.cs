using System.Text;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>The rows of tables: their lines, their quotes, and rows that cannot be used amid those that can.</summary>
public sealed class RowReaderTests
{
    [Theory]
    [InlineData("a,b\n1,\"x\ny\"\n\n\n2,3", "1: a|b", "2: 1|x\ny", "6: 2|3")]
    [InlineData("\uFEFFa,b\r\n\"\",\r\n1,2,3\r\n", "1: a|b", "2: |", "3: 1|2|3")]
    [InlineData("a\n\"say \"\"so\"\"\"\nplain \"so\"\n", "1: a", "2: say \"so\"", "3: plain \"so\"")]
    [InlineData("a\r1\r2", "1: a", "1: 1", "1: 2")]
    public void Standard_rows_know_their_lines(string content, params string[] rows) =>
        Assert.Equal(rows, Read(content, Quoting.Standard));

    [Theory]
    [InlineData("a,b\n\n\"c\r\nd\"e,\"f\rg\"\n", "1: a|b", "2: ", "3: c\nde|f\ng")]
    [InlineData("\"\",\"\"\"\"\n\"never,\nclosed", "1: |\"", "2: never,\nclosed")]
    public void Python_rows_keep_empty_lines_and_text_behind_quotes(string content, params string[] rows) =>
        Assert.Equal(rows, Read(content, Quoting.Python));

    [Fact]
    public void Without_quoting_quotes_are_text() =>
        Assert.Equal(["1: \"a|b\"\"", "2: \"", "3: c"], Read("\"a,b\"\"\n\"\nc", Quoting.None));

    [Theory]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(1 << 16)]
    public void Rows_do_not_depend_on_the_pieces_in_which_the_stream_arrives(int piece)
    {
        var random = new DeterministicRandom(piece);
        for (var i = 0; i < 300; i++)
        {
            var content = string.Concat(Enumerable.Range(0, 40).Select(_ => "a,\"\n\r中,\n"[random.NextInt(8)]));
            foreach (var quoting in new[] { Quoting.Python, Quoting.None })
                Assert.Equal(Read(content, quoting), Read(content, quoting, piece));
        }
    }

    [Fact]
    public void A_row_that_cannot_be_used_is_named_and_the_next_one_is_read()
    {
        byte[] content = [.. "a,b\n\"x\"y,2\n3,"u8, 0xFF, .. "\n"u8, .. Encoding.UTF8.GetBytes(new string('z', 5000)),
            .. "\n5,6\n"u8];
        using var rows = new RowReader(new MemoryStream(content), "t", (byte)',', Quoting.Standard, 4096, header: true);
        var problems = new List<(long Number, long Line, string? Problem)>();
        while (rows.Read()) problems.Add((rows.Number, rows.Line, rows.Problem));
        Assert.Equal([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], problems.Select(p => ((int)p.Number, (int)p.Line)));
        Assert.Null(problems[0].Problem);
        Assert.Contains("after a closing quote", problems[1].Problem, StringComparison.Ordinal);
        Assert.Contains("not valid UTF-8", problems[2].Problem, StringComparison.Ordinal);
        Assert.Contains("larger than", problems[3].Problem, StringComparison.Ordinal);
        Assert.Null(problems[4].Problem);
    }

    private static List<string> Read(string content, Quoting quoting, int piece = int.MaxValue)
    {
        using var stream = new Pieces(Encoding.UTF8.GetBytes(content), piece);
        using var rows = new RowReader(stream, "t", (byte)',', quoting, 1 << 20, header: false);
        var read = new List<string>();
        while (rows.Read())
        {
            Assert.Null(rows.Problem);
            read.Add($"{rows.Line}: " + string.Join('|', rows.Cells.Select(cell => Encoding.UTF8.GetString(rows.Text(cell)))));
        }
        return read;
    }

    private sealed class Pieces(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, most)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, most));
    }
}
