using AlpacaCot.Data.Tests.Download;

namespace AlpacaCot.Cli.Tests;

public sealed class DownloadVerbTests
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
        Assert.Equal(Program.Done, offline.Code);
        Assert.Contains("1 file, 1.2 kB, all in the cache", offline.Out, StringComparison.Ordinal);
        var absent = await CommandLine.Run([.. command, "--offline", "--type", "model", "--json"]);
        Assert.Equal((Program.Failed, ""), (absent.Code, absent.Out));
        Assert.Contains("not in the cache", absent.Error, StringComparison.Ordinal);
        (await CommandLine.Run("data", "download", "a/b/c")).Refused("owner/name");
        (await CommandLine.Run("data", "download", "dolyl")).Refused("dolly");
        (await CommandLine.Run("data", "download", "csl")).Refused("github.com", "data convert --source csl");
    }
}
