using AlpacaCot.Cli.CommandLine;

namespace AlpacaCot.Cli.Tests;

public sealed class StatsCommandTests
{
    [Fact]
    public async Task Counts_files_and_draws_them()
    {
        using var folder = new TemporaryFolder();
        var english = folder.Write("english.jsonl", """
            {"instruction": "Write a poem about the sea.", "output": "The sea is wide and so is the sky above it."}
            {"instruction": "List three fruits.", "input": "red ones", "output": "The apple, the cherry and the plum."}
            """);
        var chinese = folder.Write("中文.jsonl", """{"instruction": "请写一首关于春天的诗", "output": "春天来了，花儿开了。"}""");
        var json = (await CommandLine.Run("data", "stats", english, chinese,
            "--tokenizer", Path.Combine(AppContext.BaseDirectory, "samples", "base"), "--out", folder.File("figures"),
            "--json")).Json();
        Assert.Equal((3, 1, 2), (json.GetProperty("records").GetInt32(), json.GetProperty("with_input").GetInt32(),
            json.GetProperty("files").GetArrayLength()));
        Assert.Equal(["en", "zh"],
            json.GetProperty("languages").EnumerateArray().Select(l => l.GetProperty("language").GetString()));
        Assert.All(json.GetProperty("languages").EnumerateArray(),
            language => Assert.InRange(language.GetProperty("tokens_per_character").GetDouble(), 0.1, 3.5));
        Assert.Equal("list", json.GetProperty("openings")[0].GetProperty("root").GetString());
        Assert.Equal(10, json.GetProperty("lengths").GetProperty("answer_characters").GetProperty("least").GetInt32());
        Assert.True(json.GetProperty("peak_memory_bytes").GetInt64() > 1 << 20);
        Assert.All(json.GetProperty("figures").EnumerateArray(),
            figure => Assert.True(new FileInfo(figure.GetString()!).Length > 500));
        Assert.Contains(">中文<", File.ReadAllText(folder.File("figures/collection.svg")), StringComparison.Ordinal);

        var shown = await CommandLine.Run("data", "stats", chinese);
        Assert.Equal(ExitCode.Done, shown.Code);
        Assert.Contains("MB/s", shown.Out, StringComparison.Ordinal);
        Assert.Contains("peak memory", shown.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Draws_the_whole_catalogue_without_data()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(ExitCode.Done, (await CommandLine.Run("data", "stats", "--collection", "--out", folder.Path)).Code);
        Assert.Contains("natural-instructions", File.ReadAllText(folder.File("collection.svg")), StringComparison.Ordinal);
        (await CommandLine.Run("data", "stats")).Refused("needs either files");
        (await CommandLine.Run("data", "stats", "--collection")).Refused("--out");
    }
}
