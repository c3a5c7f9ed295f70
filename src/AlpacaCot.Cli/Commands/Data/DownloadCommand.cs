using System.CommandLine;
using System.Diagnostics;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Download;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Text;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data download</c>: downloads files of a hub or GitHub repository into the cache.</summary>
internal sealed class DownloadCommand(Terminal terminal)
{
    private readonly Argument<string> _name = new("NAME")
    {
        Description = "A set of the collection, a benchmark, a hub id such as yahma/alpaca-cleaned, or a GitHub URL",
    };

    private readonly Option<string> _type = new Option<string>("--type")
    {
        Description = "Type of the repository that a hub id names. Default: dataset",
    }.Among(["dataset", "model"]);

    private readonly Option<string> _revision = new("--revision")
    {
        Description = "Branch, tag or commit. Default: the main branch", HelpName = "R",
    };

    private readonly Option<string[]> _include = new("--include")
    {
        Description = "Only files whose path matches, for example \"*.json\"; repeatable", HelpName = "GLOB",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string> _endpoint = new("--endpoint")
    {
        Description = "URL of the hub or a mirror. Default: HF_ENDPOINT, else https://huggingface.co", HelpName = "URL",
    };

    private readonly Option<string> _gitHubApi = new("--github-api")
    {
        Description = "URL of GitHub's API. Default: GITHUB_API_URL, else https://api.github.com", HelpName = "URL",
    };

    private readonly Option<string> _gitHubRaw = new("--github-raw")
    {
        Description = "URL of GitHub's files. Default: GITHUB_RAW_URL, else https://raw.githubusercontent.com", HelpName = "URL",
    };

    private readonly Option<string> _token = new("--token")
    {
        Description = "Access token of the hub. Default: HF_TOKEN, else that of a login. GitHub's token is GITHUB_TOKEN",
        HelpName = "T",
    };

    private readonly Option<string> _cache = CatalogueOptions.Cache();
    private readonly Option<bool> _offline = new("--offline") { Description = "Use only the cache; send no requests" };
    private readonly Option<bool> _json = Options.Json();
    private readonly CatalogueOptions _catalogue = new();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new DownloadCommand(terminal);
        return new DocumentedCommand("download", CommandGroup.Data, "Download data or a model from the hub or from GitHub",
            "data download dolly",
            "data download flan-cot",
            "data download bbh",
            "data download https://github.com/openai/human-eval/tree/master/data",
            "data download yahma/alpaca-cleaned",
            "data download openai/gsm8k --include \"main/*.parquet\"",
            "data download bigscience/bloom-560m --type model --include \"*.json\" --include \"*.safetensors\"",
            "data download BelleGroup/school_math_0.25M --endpoint https://hf-mirror.com")
        {
            command._name, command._type, command._revision, command._include, command._endpoint, command._gitHubApi,
            command._gitHubRaw, command._token, command._cache, command._offline, command._json, command._catalogue.Sets,
        }.RunsAsync(command.RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        var hub = HubOptions.FromEnvironment();
        hub = hub with
        {
            Endpoint = Address(_endpoint) ?? hub.Endpoint,
            GitHub = hub.GitHub with
            {
                Api = Address(_gitHubApi) ?? hub.GitHub.Api, Content = Address(_gitHubRaw) ?? hub.GitHub.Content,
            },
            Token = parsed.GetValue(_token) ?? hub.Token,
            Cache = parsed.GetValue(_cache) ?? hub.Cache,
            Offline = parsed.GetValue(_offline) || hub.Offline,
            Revision = parsed.GetValue(_revision), Include = parsed.GetValue(_include)!,
        };
        var parts = Parts(parsed.GetValue(_name)!, parsed.GetValue(_type), _catalogue.Own(parsed));
        var asJson = parsed.GetValue(_json);
        var display = new DownloadDisplay(terminal.Beside(asJson),
            live: terminal.IsLive(asJson));
        var clock = Stopwatch.StartNew();
        try
        {
            var results = new List<DownloadResult>();
            foreach (var (part, _) in parts)
            {
                clock.Restart();
                var result = await display.FollowAsync(part.Repository.Id,
                    () => HubDownload.RunAsync(part, hub, display, cancel)).ConfigureAwait(false);
                results.Add(result);
                if (!asJson) Say(result, clock.Elapsed, terminal.Console);
            }
            if (asJson) WriteJson(results, hub, terminal);
            else
                foreach (var set in parts.Select(part => part.Set).OfType<IInstructionSource>().Distinct())
                    SayNext(set, hub, terminal.Console);
            return ExitCode.Done;
        }
        catch (DownloadException e)
        {
            terminal.WriteError(e.Message);
            return ExitCode.Failed;
        }

        Uri? Address(Option<string> option) => parsed.GetValue(option) is { } text ? HubOptions.ParseEndpoint(text) : null;
    }

    // A name with an owner, a URL, or a name with --type is a repository; any other name is a set or a benchmark.
    private static List<(RepositoryPart Part, IInstructionSource? Set)> Parts(string name, string? type,
        IReadOnlyList<IInstructionSource> own)
    {
        if (type is not null)
            return [(new(new(name, type == "model" ? RepositoryType.Model : RepositoryType.Dataset), null, []), null)];
        if (name.Contains('/') && Catalogue.TryResolve(name, own) is null)
            return [(RepositoryPart.TryParse(name) ?? throw new InputException($"\"{name}\" is neither the id of a repository, "
                + "such as owner/name, nor a URL such as https://github.com/owner/name/tree/main/folder"), null)];
        if (Catalogue.TryResolve(name, own) is null && Benchmark(name) is { Address: { } address })
            return [(RepositoryPart.TryParse(address)!, null)];
        return [.. Catalogue.Resolve(name, own).SelectMany(source => source.Entry.Repositories is { Count: > 0 } parts
            ? parts.Select(part => (part, (IInstructionSource?)source))
            : throw new InputException($"{source.Entry.Name} is not in a repository but at {Published(source.Entry)}. "
                + "Download it there, then convert it: "
                + $"alpaca-cot data convert --source {source.Entry.Name} --in PATH --out {source.Entry.Name}.jsonl"))];
    }

    private static BenchmarkDescription? Benchmark(string name) =>
        BenchmarkSuite.All.Select(b => b.About).FirstOrDefault(b => b.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static string Published(CatalogueEntry entry) =>
        entry.Published.Length > 0 ? entry.Published : "an unknown address";

    private static void Say(DownloadResult result, TimeSpan time, IAnsiConsole console)
    {
        var cached = result.Files.Count(f => f.Origin == FileOrigin.Cached);
        var bytes = result.Files.Sum(f => f.File.Size);
        console.WriteLine($"{result.Repository.Id}: {result.Files.Count} {(result.Files.Count == 1 ? "file" : "files")}, "
            + DownloadDisplay.Size(bytes) + (cached == result.Files.Count ? ", all in the cache"
                : $", {DownloadDisplay.Size(result.ReceivedBytes)} downloaded at "
                    + $"{DownloadDisplay.Size((long)(result.ReceivedBytes / Math.Max(time.TotalSeconds, 1e-3)))}/s"
                    + (cached > 0 ? $", {cached} in the cache" : "")));
        console.MarkupLine($"  folder  [bold]{Markup.Escape(result.Folder)}[/]");
    }

    // Other commands find a set in the default cache by its name.
    private static void SayNext(IInstructionSource set, HubOptions hub, IAnsiConsole console)
    {
        if (DataFolder.Find(set, [], hub.Cache) is not { Count: > 0 } found) return;   // downloaded in part, or another branch
        var name = set.Entry.Name;
        var next = Path.GetFullPath(hub.Cache) == Path.GetFullPath(HubOptions.CacheOf()) ? [$"data show {name}"]
            : found.Select(path => $"data convert --source {name} --in \"{path}\" --out {name}.jsonl");
        foreach (var command in next) console.MarkupLine($"  next    [green]alpaca-cot {Markup.Escape(command)}[/]");
    }

    private static void WriteJson(List<DownloadResult> results, HubOptions hub, Terminal terminal) => terminal.WriteJson(w =>
        w.Object(o =>
        {
            o.WriteString("endpoint", hub.Endpoint.ToString());
            o.Array("repositories", results, result => o.Object(r =>
            {
                r.WriteString("repository", result.Repository.Id);
                r.WriteString("type", result.Repository.Type.ToString().ToLowerInvariant());
                r.WriteString("revision", result.Revision);
                r.WriteString("commit", result.Commit);
                r.WriteString("folder", result.Folder);
                r.Array("files", result.Files, f => o.Object(file =>
                {
                    file.WriteString("path", f.File.Path);
                    file.WriteNumber("bytes", f.File.Size);
                    file.WriteString("digest", f.File.Digest);
                    file.WriteString("origin", f.Origin.ToString().ToLowerInvariant());
                }));
                r.WriteNumber("bytes", result.Files.Sum(f => f.File.Size));
                r.WriteNumber("received_bytes", result.ReceivedBytes);
            }));
        }));
}
