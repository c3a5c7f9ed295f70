using AlpacaCot.Data.Download;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Tests.Download;

public sealed class HubDownloadTests : IDisposable, IDownloadObserver
{
    private const int Segment = 64 << 10;
    private readonly FakeHub _hub = new();
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _notes = [];
    private readonly List<TimeSpan> _waits = [];
    private long _advanced;

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Lays_files_out_as_the_hubs_own_tools_do()
    {
        var small = _hub.Add("README.md", 300, large: false);
        var big = _hub.Add("data/train-00.jsonl", 5 * Segment + 17, large: true);
        _hub.Add("data/数据 1.json", small, large: false);   // the same content under another name, which needs escaping
        _hub.Add("data/empty.txt", 0, large: false);
        _hub.PageSize = 3;
        var result = await Download();
        Assert.Equal(["README.md", "data/empty.txt", "data/train-00.jsonl", "data/数据 1.json"],
            result.Files.Select(f => f.File.Path));
        Assert.All(result.Files, f => Assert.Equal(FileOrigin.Downloaded, f.Origin));
        var root = Path.Combine(_folder.Path, "datasets--owner--name");
        Assert.Equal(FakeHub.Commit, File.ReadAllText(Path.Combine(root, "refs", "main")));
        Assert.Equal(Path.Combine(root, "snapshots", FakeHub.Commit), result.Folder);
        Assert.Equal(small, File.ReadAllBytes(Path.Combine(result.Folder, "README.md")));
        Assert.Equal(big, File.ReadAllBytes(Path.Combine(result.Folder, "data", "train-00.jsonl")));
        Assert.Equal(small, File.ReadAllBytes(Path.Combine(result.Folder, "data", "数据 1.json")));
        if (!OperatingSystem.IsWindows())
            Assert.Equal($"../../../blobs/{FakeHub.Digest(big, true)}",
                new FileInfo(Path.Combine(result.Folder, "data/train-00.jsonl")).LinkTarget);
        Assert.Equal(new[] { FakeHub.Digest(small, false), FakeHub.Digest(big, true), FakeHub.Digest([], false) }.Order(),
            Directory.GetFiles(Path.Combine(root, "blobs")).Select(Path.GetFileName).Order());
        Assert.Equal(result.Files.Sum(f => f.File.Size), _advanced);
        Assert.Equal(2, _hub.Asked("/tree/"));
        Assert.Equal(6, _hub.Asked("/storage/"));   // the segments; after the first the storage is asked directly
        Assert.InRange(_hub.Asked("train-00.jsonl"), 1, 6);

        var asked = _hub.Asked("/resolve/") + _hub.Asked("/storage/");
        var again = await Download();
        Assert.All(again.Files, f => Assert.Equal(FileOrigin.Cached, f.Origin));
        Assert.Equal((0, asked), ((int)again.ReceivedBytes, _hub.Asked("/resolve/") + _hub.Asked("/storage/")));
    }

    [Fact]
    public async Task Connections_that_drop_throttle_or_stall_lose_nothing()
    {
        var content = _hub.Add("big.bin", 6 * Segment + 5, large: true);
        var random = new Random(3);
        var stalled = 0;
        _hub.Trouble = (request, reply) =>
        {
            lock (random)
                return !request.Target.StartsWith("/storage/", StringComparison.Ordinal) ? null
                    : request.From == Segment && stalled++ == 0 ? reply with { StallAfter = 100 }
                    : random.Next(3) > 0 ? reply with { DropAfter = random.Next(1, Segment) } : reply with { Throttle = 20_000 };
        };
        var result = await Download(o => o with { Patience = TimeSpan.FromSeconds(0.4) });
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(result.Folder, "big.bin")));
        Assert.Equal(content.Length, result.ReceivedBytes);   // nothing travelled twice
        Assert.Contains(_notes, note => note.Contains("connection was lost"));
        Assert.Contains(_notes, note => note.Contains("sent nothing"));
    }

    [Fact]
    public async Task Continues_a_file_that_was_begun_by_it_or_by_another_tool()
    {
        var content = _hub.Add("big.bin", 4 * Segment, large: true);
        _hub.Trouble = (request, reply) => request.From >= 2 * Segment ? new(403, "no") : null;
        await Assert.ThrowsAsync<DownloadException>(() => Download(o => o with { Connections = 1 }));
        var part = Path.Combine(_folder.Path, "datasets--owner--name", "blobs", FakeHub.Digest(content, true) + ".incomplete");
        Assert.Equal(content[..(2 * Segment)], File.ReadAllBytes(part));
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "datasets--owner--name", "snapshots")));

        File.WriteAllBytes(part, content[..(2 * Segment + 1000)]);   // another tool ends where it likes
        _hub.Trouble = null;
        var result = await Download();
        Assert.Equal(FileOrigin.Resumed, result.Files.Single().Origin);
        Assert.Equal(2 * Segment - 1000, result.ReceivedBytes);
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(result.Folder, "big.bin")));
        Assert.False(File.Exists(part));
    }

    [Fact]
    public async Task A_cancelled_download_keeps_what_has_arrived()
    {
        var content = _hub.Add("big.bin", 40 * Segment, large: true);
        using var stop = new CancellationTokenSource();
        _hub.Trouble = (request, reply) =>
        {
            if (request.From > 8 * Segment) stop.Cancel();
            return null;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Download(cancel: stop.Token));
        _hub.Trouble = null;
        var result = await Download();
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(result.Folder, "big.bin")));
    }

    [Fact]
    public async Task Damaged_bytes_are_found_and_fetched_anew_once()
    {
        var content = _hub.Add("big.bin", 3 * Segment, large: true);
        var damage = 1;
        _hub.Trouble = (request, reply) =>
        {
            if (!request.Target.StartsWith("/storage/", StringComparison.Ordinal)
                || request.From != Segment || damage-- <= 0) return null;
            reply.Body[7] ^= 1;
            return reply;
        };
        var result = await Download();
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(result.Folder, "big.bin")));
        Assert.Contains(_notes, note => note.Contains("corrupt"));
        Assert.Equal(content.Length, _advanced);

        Directory.Delete(Path.Combine(_folder.Path, "datasets--owner--name"), recursive: true);
        damage = int.MaxValue;
        var failed = await Assert.ThrowsAsync<DownloadException>(() => Download());
        Assert.Contains($"its sha256 is", failed.Message);
        Assert.Contains(FakeHub.Digest(content, true), failed.Message);
        Assert.Equal([], Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories)
            .Where(f => new FileInfo(f).Length > 0));
    }

    [Theory]
    [InlineData("<!DOCTYPE html><html><head><title>Sign in to Wi-Fi</title>", "an HTML page titled \"Sign in to Wi-Fi\"")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 196608\n", "a Git LFS pointer")]
    public async Task What_is_sent_in_place_of_data_is_named(string body, string name)
    {
        _hub.Add("train.json", 3 * Segment, large: false);
        _hub.Trouble = (request, reply) => request.Target.Contains("/resolve/") ? new(200, body) : null;
        foreach (var segment in new[] { Segment, 100 * Segment })   // asked for in parts and as a whole
        {
            var failed = await Assert.ThrowsAsync<DownloadException>(() => Download(o => o with { SegmentBytes = segment }));
            Assert.Contains(name, failed.Message);
            Assert.StartsWith("train.json: ", failed.Message);
        }
    }

    [Fact]
    public async Task A_pointer_that_the_repository_itself_holds_and_a_login_page_for_the_list_are_named()
    {
        _hub.Add("train.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"u8.ToArray(), large: false);
        Assert.Contains("Git LFS pointer", (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
        _hub.Trouble = (request, reply) => request.Target.Contains("/tree/") ? new(200, "<html><title>Login</title>") : null;
        Assert.Contains("HTML page titled \"Login\" instead of the file list",
            (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
    }

    [Fact]
    public async Task Waits_as_long_as_the_server_asks_and_longer_each_time_where_it_does_not()
    {
        _hub.Add("a.json", 10, large: false);
        var (list, file) = (0, 0);
        _hub.Trouble = (request, reply) => request.Target.Contains("/tree/") && list++ < 2
            ? new(429, "slow down", "Retry-After: 7")
            : request.Target.Contains("/resolve/") && file++ < 4 ? new(503, "") : null;
        await Download();
        Assert.Equal([7, 7], _waits.Take(2).Select(wait => wait.TotalSeconds));
        Assert.All(_waits.Skip(2).Index(), wait =>
            Assert.InRange(wait.Item.TotalSeconds, 0.25 * (1 << wait.Index), 0.5 * (1 << wait.Index)));
        Assert.Equal(6, _waits.Count);

        _hub.Trouble = (_, _) => new(429, "", "Retry-After: 3600");
        Assert.Contains("60 minutes", (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
        _hub.Trouble = (_, _) => new(500, "");
        Assert.Contains("given up after 6 attempts: the server answered 500",
            (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_is_read_from_the_beginning()
    {
        var content = _hub.Add("big.bin", 3 * Segment + 1, large: false);
        var drops = 2;
        _hub.Trouble = (request, reply) => !request.Target.Contains("/resolve/") ? null
            : new HubReply(200, content) { DropAfter = request.From is null && drops-- > 0 ? Segment : int.MaxValue };
        var result = await Download();
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(result.Folder, "big.bin")));
        Assert.Equal(content.Length, _advanced);
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_alone()
    {
        _hub.Add("big.bin", 3 * Segment, large: true);
        await Download(o => o with { Token = "hf_secret" });
        Assert.All(_hub.Requests, request =>
            Assert.Equal(request.Host == "localhost" ? null : "Bearer hf_secret", request.Token));
        Assert.Contains(_hub.Requests, request => request.Host == "localhost");
    }

    [Theory]
    [InlineData("/resolve/", 403, "X-Error-Code: GatedRepo", "owner/name is gated")]
    [InlineData("/resolve/", 403, "X-None: ", "access denied (403)")]
    [InlineData("/resolve/", 401, "X-None: ", "an access token is needed")]
    [InlineData("/resolve/", 404, "X-Error-Code: EntryNotFound", "file not found")]
    [InlineData("/resolve/", 302, "Location: /datasets/owner/name/resolve/again", "redirects in circles")]
    [InlineData("/revision/", 404, "X-Error-Code: RevisionNotFound", "no branch, tag or commit \"main\"")]
    [InlineData("/revision/", 401, "X-Error-Code: RepoNotFound", "no data set owner/name")]
    [InlineData("/revision/", 418, "X-Error-Message: no coffee", "The server says: no coffee")]
    [InlineData("/revision/", 200, "X-None: ", "that a Hugging Face hub would not give")]
    public async Task Refusals_say_what_to_do(string at, int status, string header, string message)
    {
        _hub.Add("a.json", 10, large: false);
        _hub.Trouble = (request, reply) => request.Target.Contains(at) || request.Target.Contains("again")
            ? new(status, "", header) : null;
        Assert.Contains(message, (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
        Assert.Empty(_waits);   // no use in trying again
    }

    [Fact]
    public async Task A_model_asked_for_as_data_is_pointed_out()
    {
        using var models = new FakeHub { Kind = "models" };
        var failed = await Assert.ThrowsAsync<DownloadException>(() => Download(o => o with { Endpoint = models.Endpoint }));
        Assert.Contains("add --type model", failed.Message);
    }

    [Fact]
    public async Task No_network_says_so_and_offline_uses_what_is_there()
    {
        var content = _hub.Add("data/a.json", 10, large: false);
        _hub.Add("b.txt", 20, large: false);
        Assert.Contains("not in the cache",
            (await Assert.ThrowsAsync<DownloadException>(() => Download(o => o with { Offline = true }))).Message);
        await Download();
        _hub.Dispose();
        Assert.Contains("--offline", (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
        var result = await Download(o => o with { Offline = true, Include = ["*.json"] });
        Assert.Equal([("data/a.json", FileOrigin.Cached)], result.Files.Select(f => (f.File.Path, f.Origin)));
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(result.Folder, "data/a.json")));
    }

    [Fact]
    public async Task Takes_only_the_files_asked_for()
    {
        _hub.Add("data/a.json", 10, large: false);
        _hub.Add("b.txt", 20, large: false);
        Assert.Equal(["data/a.json"], (await Download(o => o with { Include = ["*.json", "*.csv"] }))
            .Files.Select(f => f.File.Path));
        Assert.Contains("It has b.txt, data/a.json",
            (await Assert.ThrowsAsync<InputException>(() => Download(o => o with { Include = ["*.parquet"] }))).Message);
    }

    [Theory]
    [InlineData("../../outside.txt")]
    [InlineData("/etc/outside.txt")]
    [InlineData("a/./b")]
    public async Task A_hub_cannot_name_a_place_outside_the_cache(string path)
    {
        _hub.Add(path, 10, large: false);
        Assert.Contains("invalid path", (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
    }

    [Fact]
    public async Task A_full_disk_is_named()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full");
        var content = _hub.Add("big.bin", 3 * Segment, large: true);
        var blobs = Directory.CreateDirectory(Path.Combine(_folder.Path, "datasets--owner--name", "blobs")).FullName;
        File.CreateSymbolicLink(Path.Combine(blobs, FakeHub.Digest(content, true) + ".incomplete"), "/dev/full");
        Assert.Contains("the disk is full", (await Assert.ThrowsAsync<DownloadException>(() => Download())).Message);
    }

    [Fact]
    public async Task Two_downloads_of_the_same_file_at_once_fetch_it_once()
    {
        var content = _hub.Add("big.bin", 8 * Segment, large: true);
        _hub.Trouble = (request, reply) => reply with { Throttle = 8000 };
        var results = await Task.WhenAll(Download(), Download());
        Assert.Equal(content.Length, results.Sum(result => result.ReceivedBytes));
    }

    [Fact]
    public void The_environment_speaks_as_to_other_tools()
    {
        Dictionary<string, string> variables = new()
        {
            ["HF_ENDPOINT"] = "https://mirror.example/hub", ["HF_TOKEN"] = " hf_x ", ["HF_HOME"] = "/big/hf",
                ["HF_HUB_OFFLINE"] = "1",
        };
        var options = HubOptions.FromEnvironment(variables.GetValueOrDefault);
        Assert.Equal(("https://mirror.example/hub/", "hf_x", Path.Combine("/big/hf", "hub"), true),
            (options.Endpoint.ToString(), options.Token, options.Cache, options.Offline));
        variables["HF_HUB_CACHE"] = "/other";
        Assert.Equal("/other", HubOptions.FromEnvironment(variables.GetValueOrDefault).Cache);
        Assert.Throws<InputException>(() => HubOptions.ParseEndpoint("mirror"));
        Assert.Throws<InputException>(() => new HubRepository("a/b/c", RepositoryType.Model));
        Assert.Throws<InputException>(() => new HubRepository("../x", RepositoryType.Model));
    }

    void IDownloadObserver.Planned(int files, long bytes) { }
    void IDownloadObserver.Advanced(long bytes) => Interlocked.Add(ref _advanced, bytes);
    void IDownloadObserver.Completed(HubFile file, FileOrigin origin) { }

    void IDownloadObserver.Note(string message)
    {
        lock (_notes) _notes.Add(message);
    }

    [Fact]
    public async Task A_listing_that_leads_back_to_an_earlier_page_ends()
    {
        _hub.Add("a.json", 10, large: false);
        _hub.Trouble = (request, reply) => !request.Target.Contains("/tree/", StringComparison.Ordinal) ? null
            : reply with
            {
                Headers = [$"Link: <{_hub.Endpoint}api/datasets/owner/name/tree/{FakeHub.Commit}?recursive=true&cursor="
                    + (request.Target.Contains("cursor=1", StringComparison.Ordinal) ? "0>" : "1>") + "; rel=\"next\""],
            };
        var told = await Assert.ThrowsAsync<DownloadException>(() => Download());
        Assert.Contains("Check the endpoint", told.Message, StringComparison.Ordinal);
        Assert.InRange(_hub.Requests.Count, 2, 10);
    }

    private Task<DownloadResult> Download(Func<HubOptions, HubOptions>? change = null, CancellationToken? cancel = null)
    {
        _advanced = 0;
        var options = new HubOptions
        {
            Endpoint = _hub.Endpoint, Cache = _folder.Path, SegmentBytes = Segment, Connections = 4,
                Patience = TimeSpan.FromSeconds(20),
            Wait = (time, _) =>
            {
                lock (_waits) _waits.Add(time);
                return Task.CompletedTask;
            },
        };
        return HubDownload.RunAsync(new(new("owner/name", RepositoryType.Dataset), null, []), change?.Invoke(options) ?? options,
            this,
            cancel ?? TestContext.Current.CancellationToken);
    }
}
