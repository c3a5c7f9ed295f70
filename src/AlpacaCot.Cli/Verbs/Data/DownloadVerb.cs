using System.CommandLine;
using System.Diagnostics;
using AlpacaCot.Cli.Display;
using AlpacaCot.Data;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Download;
using Spectre.Console;

namespace AlpacaCot.Cli.Verbs.Data;

/// <summary><c>data download</c>: the files of a hub repository into the cache.</summary>
internal static class DownloadVerb
{
    public static Verb Create(Terminal terminal)
    {
        var name = new Argument<string>("NAME") 
        {
            Description = "A set of the collection, or a hub id such as yahma/alpaca-cleaned",
        };
        var type = new Option<string>("--type")
        {
            Description = "What the hub id names; data sets are the default",
        }.AcceptOnlyFromAmong("dataset", "model");
        var revision = new Option<string>("--revision")
        {
            Description = "Branch, tag or commit", HelpName = "R", DefaultValueFactory = _ => "main",
        };
        var include = new Option<string[]>("--include")
        {
            Description = "Only files whose path matches, as in \"*.json\"; may be given several times", HelpName = "GLOB",
            DefaultValueFactory = _ => [],
        };
        var endpoint = new Option<string>("--endpoint")
        {
            Description = "The hub or a mirror of it, in place of HF_ENDPOINT or https://huggingface.co", HelpName = "URL",
        };
        var token = new Option<string>("--token")
        {
            Description = "Access token, in place of HF_TOKEN or that of a login", HelpName = "T",
        };
        var cache = new Option<string>("--cache")
        {
            Description = "Cache folder, in place of HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub", HelpName = "DIR",
        };
        var offline = new Option<bool>("--offline") { Description = "Use what is in the cache and ask no server" };
        var json = Options.Json();
        var verb = new Verb("download", VerbGroup.Data, "Download data or a model from a hub",
            "data download dolly",
            "data download yahma/alpaca-cleaned",
            "data download openai/gsm8k --include \"main/*.parquet\"",
            "data download bigscience/bloom-560m --type model --include \"*.json\" --include \"*.safetensors\"",
            "data download BelleGroup/school_math_0.25M --endpoint https://hf-mirror.com")
        {
            name, type, revision, include, endpoint, token, cache, offline, json,
        };
        verb.SetAction(async (parsed, cancel) =>
        {
            var options = HubOptions.FromEnvironment();
            options = options with
            {
                Endpoint = parsed.GetValue(endpoint) is { } address ? HubOptions.ParseEndpoint(address) : options.Endpoint,
                Token = parsed.GetValue(token) ?? options.Token,
                Cache = parsed.GetValue(cache) ?? options.Cache,
                Offline = parsed.GetValue(offline) || options.Offline,
                Revision = parsed.GetValue(revision)!, Include = parsed.GetValue(include)!,
            };
            var repositories = Repositories(parsed.GetValue(name)!, parsed.GetValue(type));
            var asJson = parsed.GetValue(json);
            var display = new DownloadDisplay(terminal.Beside(asJson),
                live: asJson ? terminal.ErrorIsTerminal : terminal.OutIsTerminal);
            var clock = Stopwatch.StartNew();
            try
            {
                var results = new List<DownloadResult>();
                foreach (var (repository, set) in repositories)
                {
                    clock.Restart();
                    var result = await display.FollowAsync(repository.Id,
                        () => HubDownload.RunAsync(repository, options, display, cancel)).ConfigureAwait(false);
                    results.Add(result);
                    if (!asJson) Say(result, set, clock.Elapsed, terminal.Console);
                }
                if (asJson) WriteJson(results, options, terminal);
                return Program.Done;
            }
            catch (DownloadException e)
            {
                terminal.WriteError(e.Message);
                return Program.Failed;
            }
        });
        return verb;
    }

    // A name with an owner, or with its type, is the hub's; any other is the collection's, which knows where its sets are.
    private static List<(HubRepository Repository, string? Set)> Repositories(string name, string? type)
    {
        if (type is not null || name.Contains('/'))
            return [(new(name, type == "model" ? RepositoryType.Model : RepositoryType.Dataset), null)];
        return [.. Catalogue.Resolve(name).SelectMany(source =>
        {
            var entry = source.Entry;
            var ids = entry.Published.Split(" and ");
            if (!ids.All(id => id.Contains('/') && HubRepository.LooksLikeId(id)))
                throw new InputException($"{entry.Name} is published at {entry.Published}, not in a repository of the hub. Download it "
                    + $"there, then read it with: alpaca-cot data convert --source {entry.Name} --in PATH --out {entry.Name}.jsonl");
            return ids.Select(id => (new HubRepository(id, RepositoryType.Dataset), (string?)entry.Name));
        })];
    }

    private static void Say(DownloadResult result, string? set, TimeSpan time, IAnsiConsole console)
    {
        var cached = result.Files.Count(f => f.Origin == FileOrigin.Cached);
        var bytes = result.Files.Sum(f => f.File.Size);
        console.WriteLine($"{result.Repository.Id}: {result.Files.Count} {(result.Files.Count == 1 ? "file" : "files")}, "
            + DownloadDisplay.Size(bytes) + (cached == result.Files.Count ? ", all in the cache"
                : $", {DownloadDisplay.Size(result.ReceivedBytes)} downloaded at "
                    + $"{DownloadDisplay.Size((long)(result.ReceivedBytes / Math.Max(time.TotalSeconds, 1e-3)))}/s"
                    + (cached > 0 ? $", {cached} in the cache" : "")));
        console.MarkupLine($"  folder  [bold]{Markup.Escape(result.Folder)}[/]");
        if (set is not null)
            console.MarkupLine($"  next    [green]alpaca-cot data convert --source {set} --in {Markup.Escape(result.Folder)} "
                + $"--out {set}.jsonl[/]");
    }

    private static void WriteJson(List<DownloadResult> results, HubOptions options, Terminal terminal) => terminal.WriteJson(w =>
        w.Object(o =>
        {
            o.WriteString("endpoint", options.Endpoint.ToString());
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
