using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Data.Tests.Download;

namespace AlpacaCot.Cli.Tests;

public sealed class DownloadCommandTests
{
    [Fact]
    public async Task Downloads_then_works_offline_and_fails_with_a_sentence()
    {
        using var hub = new FakeHub();
        using var folder = new TemporaryFolder();
        hub.Add("data.json", 1234, large: true);
        string[] command = ["data", "download", "owner/name", "--endpoint", hub.Endpoint.ToString(), "--cache", folder.Path];

        var json = (await CommandLine.Run([.. command, "--json"])).Json().GetProperty("repositories")[0];
        Assert.Equal(("owner/name", "dataset", FakeHub.Commit, 1234), (json.GetProperty("repository").GetString(),
            json.GetProperty("type").GetString(), json.GetProperty("commit").GetString(),
                json.GetProperty("received_bytes").GetInt32()));
        var file = json.GetProperty("files").EnumerateArray().Single();
        Assert.Equal(("data.json", "downloaded"), (file.GetProperty("path").GetString(), file.GetProperty("origin").GetString()));
        Assert.True(File.Exists(Path.Combine(json.GetProperty("folder").GetString()!, "data.json")));

        hub.Dispose();
        var offline = await CommandLine.Run([.. command, "--offline"]);
        Assert.Equal(ExitCode.Done, offline.Code);
        Assert.Contains("1 file, 1.2 kB, all in the cache", offline.Out, StringComparison.Ordinal);
        var absent = await CommandLine.Run([.. command, "--offline", "--type", "model", "--json"]);
        Assert.Equal((ExitCode.Failed, ""), (absent.Code, absent.Out));
        Assert.Contains("not in the cache", absent.Error, StringComparison.Ordinal);
        (await CommandLine.Run("data", "download", "a/b/c")).Refused("owner/name");
        (await CommandLine.Run("data", "download", "dolyl")).Refused("dolly");
        var own = folder.Write("own.yaml", "- { name: mine, published: https://example.com/mine.zip }\n");
        (await CommandLine.Run("data", "download", "mine", "--catalogue", own)).Refused("example.com",
            "data convert --source mine");
    }

    [Fact]
    public async Task A_set_that_was_downloaded_is_found_by_its_name()
    {
        using var hub = new FakeHub { Ids = ["OpenLMLab/GAOKAO-Bench", "Hello-SimpleAI/HC3", "Hello-SimpleAI/HC3-Chinese"] };
        using var folder = new TemporaryFolder();
        hub.Add("README.md", 100, large: false);
        hub.Add("Results/by-some-model.json", 1000, large: false);
        hub.Add("Data/Objective_Questions/MCQs.json", """
            {"keywords": "k", "example": [{"question": "1+1=?", "answer": ["B"], "analysis": "加。", "year": "2010"}]}
            """u8.ToArray(), large: false);
        hub.Add("all.jsonl", "{\"question\": \"Why?\", \"human_answers\": [\"a\"], \"chatgpt_answers\": [\"b\"]}\n"u8.ToArray(),
            large: true);
        string[] places = ["--github-api", $"{hub.Endpoint}", "--github-raw", $"{hub.Raw}", "--endpoint", $"{hub.Endpoint}"];
        string[] cache = ["--cache", folder.Path];
        foreach (var (name, files, records) in new[] { ("gaokao", 1, 1), ("hc3", 2, 2) })
        {
            Assert.Contains("not here", (await CommandLine.Run(["data", "show", name, .. cache])).Out, StringComparison.Ordinal);
            var json = (await CommandLine.Run(["data", "download", name, .. places, .. cache, "--json"])).Json();
            Assert.Equal(files, json.GetProperty("repositories").EnumerateArray()
                .Sum(r => r.GetProperty("files").GetArrayLength()));
            var shown = (await CommandLine.Run(["data", "show", name, .. cache, "--json"])).Json().GetProperty("sets")[0];
            Assert.Equal(files, shown.GetProperty("data").GetArrayLength());
            Assert.Equal(records, shown.GetProperty("statistics").GetProperty("records").GetInt32());
        }
        var here = (await CommandLine.Run(["data", "list", "--present", .. cache, "--json"])).Json().GetProperty("sets");
        Assert.Equal(["hc3", "hc3-human", "gaokao"], here.EnumerateArray().Select(set => set.GetProperty("name").GetString()));

        // A recipe and data mix look into the cache that the environment names.
        Environment.SetEnvironmentVariable("HF_HUB_CACHE", folder.Path);
        try
        {
            var mixed = (await CommandLine.Run("data", "mix", "--source", "gaokao:share=0.5", "--source",
                "hc3:share=0.5,epochs=2", "--size", "4", "--out", folder.File("m.jsonl"), "--json")).Json();
            Assert.Equal([("gaokao", 2), ("hc3", 1), ("hc3", 1)], mixed.GetProperty("sources").EnumerateArray()
                .Select(s => (s.GetProperty("source").GetString()!, s.GetProperty("taken").GetInt32())));
            var again = await CommandLine.Run("data", "download", "gaokao", "--offline");
            Assert.Contains("data show gaokao", again.Out, StringComparison.Ordinal);
            (await CommandLine.Run("data", "mix", "--source", "hc3:limit=1", "--out", folder.File("m.jsonl")))
                .Refused("is in 2 locations", "write instead { source: hc3, path: ");
        }
        finally
        {
            Environment.SetEnvironmentVariable("HF_HUB_CACHE", null);
        }
    }

    [Fact]
    public async Task A_combination_is_downloaded_part_by_part()
    {
        using var hub = new FakeHub { Ids = ["yahma/alpaca-cleaned", "google-research/FLAN"] };
        using var folder = new TemporaryFolder();
        hub.Add("alpaca_data_cleaned.json", 100, large: false);
        hub.Add("flan/v2/cot_data/gsm8k_train.tsv", 200, large: false);
        hub.Add("flan/v2/templates.py", 300, large: false);
        var json = (await CommandLine.Run("data", "download", "alpaca-cot", "--github-api", $"{hub.Endpoint}", "--github-raw",
            $"{hub.Raw}", "--endpoint", $"{hub.Endpoint}", "--cache", folder.Path, "--json")).Json();
        Assert.Equal([("yahma/alpaca-cleaned", "dataset", 3), ("google-research/FLAN", "github", 1)],
            json.GetProperty("repositories").EnumerateArray().Select(r => (r.GetProperty("repository").GetString()!,
                r.GetProperty("type").GetString()!, r.GetProperty("files").GetArrayLength())));
        // One of the nine sets is here; together they are not.
        var here = (await CommandLine.Run("data", "list", "--present", "--cache", folder.Path, "--json")).Json();
        Assert.Equal(["flan-cot-gsm8k", "alpaca-cleaned"],
            here.GetProperty("sets").EnumerateArray().Select(set => set.GetProperty("name").GetString()));
    }
}
