using System.Text.RegularExpressions;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Tests;

/// <summary>Every command that reads data says how fast it was.</summary>
public sealed partial class DataSpeedTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _data;

    public DataSpeedTests() => _data = _folder.Write("d.jsonl", string.Concat(Enumerable.Range(0, 2000).Select(i =>
        $"{{\"instruction\":\"What is {i} and {i}?\",\"input\":\"\",\"output\":\"It is {2 * i}. The answer is {2 * i}.\"}}\n")));

    public void Dispose() => _folder.Dispose();

    [GeneratedRegex(@"\d+\.\d s \(\d+\.\d MB/s\)")]
    private static partial Regex TimeAndSpeed();

    [Theory]
    [InlineData("data convert --in D --to sharegpt --out O", "2,000 records, 0 skipped, in ")]
    [InlineData("data convert --source alpaca-gpt4 --in D --out O", "alpaca-gpt4: 2,000 records, 0 skipped, in ")]
    [InlineData("data clean --in D --out O", "2,000 records read, ")]
    [InlineData("data dedupe --in D --exact --out O", "2,000 records read, 2,000 kept, 0 removed in ")]
    [InlineData("data decontaminate --in D --against D --dry-run", "2,000 records read, ")]
    [InlineData("data mix --source D --out O", "2,000 records in ")]
    [InlineData("data answers --in D --out O", "records have a final answer, in ")]
    [InlineData("data show alpaca-gpt4 --in D", "read in ")]
    [InlineData("tokenize --tokenizer T --file D --out O", "2,000 lines, ")]
    public async Task The_last_line_has_the_speed(string command, string line)
    {
        var output = _folder.File("o.jsonl");
        var data = command.StartsWith("tokenize", StringComparison.Ordinal) ? Texts() : _data;
        var outcome = await CommandLine.Run([.. command.Split(' ').Select(word => word switch
        {
            "D" => data, "O" => output, "T" => Checkout.Path("samples/base"), _ => word,
        })]);
        Assert.True(outcome.Code == 0, outcome.Error);
        var said = outcome.Out.Split('\n').Single(text => text.Contains(line, StringComparison.Ordinal));
        Assert.Matches(TimeAndSpeed(), said);
    }

    private string Texts() => _folder.Write("t.txt", string.Concat(Enumerable.Range(0, 2000).Select(i => $"Line {i}\n")));

    [Fact]
    public async Task Json_has_no_other_fields()
    {
        var json = (await CommandLine.Run("data", "convert", "--in", _data, "--to", "sharegpt", "--out", _folder.File("o.jsonl"),
            "--json"))
            .Json();
        Assert.Equal(["in", "recognized", "out", "format", "records", "skipped", "seconds"],
            json.EnumerateObject().Select(member => member.Name));
    }

    [Theory]
    [InlineData("d.jsonl", false)]
    [InlineData("d.jsonl.gz", false)]
    [InlineData("d.parquet", false)]
    [InlineData("d.csv", false)]
    [InlineData("d.jsonl.gz", true)]
    public async Task All_bytes_of_a_file_are_counted_once(string name, bool raw)
    {
        var path = _folder.File(name);
        if (name != "d.jsonl") Assert.Equal(0, (await CommandLine.Run("data", "convert", "--in", _data, "--to", "alpaca",
            "--out", path)).Code);
        var (calls, bytes) = (0, 0L);
        var options = new Data.Formats.ReadOptions { OnRead = read => (calls, bytes) = (calls + 1, bytes + read) };
        Assert.Equal(2000, raw ? Data.Formats.RecordFile.Read(path, options).Count()
            : Data.Formats.InstructionFile.Read(path, options).Count());
        Assert.Equal(new FileInfo(path).Length, bytes);
        Assert.InRange(calls, 1, 100);
    }

    [Fact]
    public void Without_bytes_there_is_no_speed()
    {
        using var progress = new RecordProgress(Terminal.Captured(new StringWriter(), new StringWriter()), json: false);
        Assert.Matches(@"^\d+\.\d s$", progress.TimeAndSpeed);
        progress.Read(5_000_000);
        Assert.Matches(TimeAndSpeed(), progress.TimeAndSpeed);
        Assert.Equal(2, progress.Follow([1, 2], default).Count());
        Assert.Equal(2, progress.Count);
    }
}
