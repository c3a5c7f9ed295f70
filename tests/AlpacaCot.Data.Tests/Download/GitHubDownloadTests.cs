using AlpacaCot.Data.Download;

namespace AlpacaCot.Data.Tests.Download;

/// <summary>What is different on GitHub; all else is shared with the hub and tested there.</summary>
public sealed class GitHubDownloadTests : IDisposable, IDownloadObserver
{
    private const int Segment = 64 << 10;
    private readonly FakeHub _hub = new();
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _notes = [];
    private readonly List<TimeSpan> _waits = [];

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Brings_the_files_of_a_folder_into_the_same_cache_beside_the_hubs()
    {
        var big = _hub.Add("data/v2/a_train.tsv", 3 * Segment + 17, large: false);
        var small = _hub.Add("data/v2/sub/数据 1.tsv", 300, large: false);
        _hub.Add("data/v20/other.tsv", 400, large: false);
        _hub.Add("README.md", 500, large: false);
        var result = await Download("https://github.com/owner/name/tree/main/data/v2", o => o with
        {
            GitHub = o.GitHub with { Token = "ghp_secret" }, Token = "hf_secret",
        });
        Assert.Equal(["data/v2/a_train.tsv", "data/v2/sub/数据 1.tsv"], result.Files.Select(f => f.File.Path));
        var root = Path.Combine(_folder.Path, "github--owner--name");
        Assert.Equal(Path.Combine(root, "snapshots", FakeHub.Commit), result.Folder);
        Assert.Equal(FakeHub.Commit, File.ReadAllText(Path.Combine(root, "refs", "main")));
        Assert.Equal(big, File.ReadAllBytes(Path.Combine(result.Folder, "data/v2/a_train.tsv")));
        Assert.Equal(small, File.ReadAllBytes(Path.Combine(result.Folder, "data/v2/sub/数据 1.tsv")));
        Assert.All(_hub.Requests, request => Assert.Equal("Bearer ghp_secret", request.Token));
        Assert.Equal(4, _hub.Asked("a_train.tsv"));   // in segments, as from the hub

        _hub.Dispose();
        var offline = await Download("https://github.com/owner/name/tree/main/data/v2", o => o with { Offline = true });
        Assert.All(offline.Files, f => Assert.Equal(FileOrigin.Cached, f.Origin));
        Assert.Equal(2, offline.Files.Count);
    }

    [Fact]
    public async Task Drops_damage_and_an_earlier_attempt_end_in_the_right_bytes()
    {
        var content = _hub.Add("a.json", 5 * Segment + 3, large: false);
        var (drops, damage) = (3, 1);
        _hub.Trouble = (request, reply) =>
        {
            if (!request.Target.StartsWith("/raw/", StringComparison.Ordinal)) return null;
            if (request.From == 3 * Segment) return new(404, "gone");
            return request.From == Segment && drops-- > 0 ? reply with { DropAfter = 1000 } : null;
        };
        await Assert.ThrowsAsync<DownloadException>(
            () => Download("https://github.com/owner/name", o => o with { Connections = 1 }));
        _hub.Trouble = (request, reply) =>
        {
            if (request.Target.StartsWith("/raw/", StringComparison.Ordinal) && request.From == 3 * Segment && damage-- > 0)
                reply.Body[7] ^= 1;
            return reply;
        };
        var result = await Download("https://github.com/owner/name.git");
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(result.Folder, "a.json")));
        Assert.Contains(_notes, note => note.Contains("connection was lost", StringComparison.Ordinal));
        Assert.Contains(_notes, note => note.Contains("git sha1", StringComparison.Ordinal));
        // the main branch, by any name
        Assert.True(File.Exists(Path.Combine(_folder.Path, "github--owner--name", "refs", "HEAD")));
    }

    [Fact]
    public async Task A_list_that_is_not_whole_is_no_list()
    {
        _hub.Add("a.json", 10, large: false);
        _hub.Truncated = true;
        var failed = await Assert.ThrowsAsync<DownloadException>(() => Download("https://github.com/owner/name"));
        Assert.Contains("git clone --depth 1 https://github.com/owner/name", failed.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(403)]
    [InlineData(429)]
    public async Task The_limit_of_requests_is_waited_out_or_named(int status)
    {
        _hub.Add("a.json", 10, large: false);
        var (left, minutes) = (2, 1.5);
        _hub.Trouble = (request, reply) => left-- > 0 ? new(status, "{}", "x-ratelimit-limit: 60", "x-ratelimit-remaining: 0",
            $"x-ratelimit-reset: {DateTimeOffset.UtcNow.AddMinutes(minutes).ToUnixTimeSeconds()}") : null;
        await Download("https://github.com/owner/name");
        Assert.All(_waits, wait => Assert.InRange(wait.TotalSeconds, 60, 91));
        Assert.Equal(2, _waits.Count);

        (left, minutes) = (1, 40);
        var failed = await Assert.ThrowsAsync<DownloadException>(() => Download("https://github.com/owner/name"));
        Assert.Contains("the 60 requests an hour that the server allows are used up; with a token (GITHUB_TOKEN)", failed.Message,
            StringComparison.Ordinal);
        Assert.Matches("wait (39|40) minutes", failed.Message);
    }

    [Theory]
    [InlineData("https://github.com/owner/other", "no repository owner/other")]
    [InlineData("https://github.com/owner/name/tree/v9", "no branch, tag or commit \"v9\"")]
    [InlineData("https://github.com/owner/name/blob/main/a.json", "a Git LFS pointer")]
    public async Task Refusals_say_what_is_wrong(string address, string message)
    {
        _hub.Add("a.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"u8.ToArray(), large: false);
        Assert.Contains(message, (await Assert.ThrowsAsync<DownloadException>(() => Download(address))).Message,
            StringComparison.Ordinal);
        Assert.Empty(_waits);
    }

    [Theory]
    [InlineData("owner/name", "Dataset owner/name main []")]
    [InlineData("https://github.com/owner/name", "GitHub owner/name HEAD []")]
    [InlineData("https://github.com/owner/name.git", "GitHub owner/name HEAD []")]
    [InlineData("https://github.com/owner/name/tree/v1/a/b%20c/", "GitHub owner/name v1 [a/b c/*]")]
    [InlineData("https://github.com/owner/name/blob/main/a/b.json", "GitHub owner/name main [a/b.json]")]
    [InlineData("https://huggingface.co/datasets/owner/name/tree/main/a", "Dataset owner/name main [a/*]")]
    [InlineData("https://huggingface.co/owner/name", "Model owner/name main []")]
    [InlineData("https://huggingface.co/owner", null)]
    [InlineData("https://example.com/owner/name", null)]
    [InlineData("https://github.com/../name", null)]
    [InlineData("name", null)]
    public void Addresses_are_read(string text, string? meaning)
    {
        var part = RepositoryPart.TryParse(text);
        Assert.Equal(meaning, part is null ? null
            : $"{part.Repository.Type} {part.Repository.Id} {part.At} [{string.Join(' ', part.Files)}]");
    }

    [Fact]
    public void The_environment_names_another_github()
    {
        Dictionary<string, string> variables = new()
        {
            ["GITHUB_API_URL"] = "https://git.example/api/v3", ["GITHUB_RAW_URL"] = "https://git.example/raw",
                ["GITHUB_TOKEN"] = " ghp_x ",
        };
        var github = HubOptions.FromEnvironment(variables.GetValueOrDefault).GitHub;
        Assert.Equal(("https://git.example/api/v3/", "https://git.example/raw/", "ghp_x"),
            (github.Api.ToString(), github.Content.ToString(), github.Token));
    }

    void IDownloadObserver.Planned(int files, long bytes) { }
    void IDownloadObserver.Advanced(long bytes) { }
    void IDownloadObserver.Completed(HubFile file, FileOrigin origin) { }

    void IDownloadObserver.Note(string message)
    {
        lock (_notes) _notes.Add(message);
    }

    private Task<DownloadResult> Download(string address, Func<HubOptions, HubOptions>? change = null)
    {
        var options = new HubOptions
        {
            GitHub = new() { Api = _hub.Endpoint, Content = _hub.Raw }, Cache = _folder.Path, SegmentBytes = Segment,
            Connections = 4,
            Wait = (time, _) =>
            {
                lock (_waits) _waits.Add(time);
                return Task.CompletedTask;
            },
        };
        return HubDownload.RunAsync(RepositoryPart.TryParse(address)!, change?.Invoke(options) ?? options, this,
            TestContext.Current.CancellationToken);
    }
}
