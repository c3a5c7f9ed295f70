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

/// <summary><c>data download</c>: the files of a repository of the hub or of GitHub into the cache.</summary>
internal static class DownloadCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var name = new Argument<string>("NAME")
        {
            Description = "A set of the collection, a benchmark, a hub id such as yahma/alpaca-cleaned, or an address on GitHub",
        };
        var type = new Option<string>("--type")
        {
            Description = "What the hub id names; data sets are the default",
        }.AcceptOnlyFromAmong("dataset", "model");
        var revision = new Option<string>("--revision")
        {
            Description = "Branch, tag or commit; the main branch by default", HelpName = "R",
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
        var github = new Option<string>("--github-api")
        {
            Description = "GitHub's API, in place of GITHUB_API_URL or https://api.github.com", HelpName = "URL",
        };
        var raw = new Option<string>("--github-raw")
        {
            Description = "GitHub's files, in place of GITHUB_RAW_URL or https://raw.githubusercontent.com", HelpName = "URL",
        };
        var token = new Option<string>("--token")
        {
            Description = "Access token of the hub, in place of HF_TOKEN or that of a login; GitHub's is GITHUB_TOKEN",
            HelpName = "T",
        };
        var cache = new Option<string>("--cache")
        {
            Description = "Cache folder, in place of HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub", HelpName = "DIR",
        };
        var offline = new Option<bool>("--offline") { Description = "Use what is in the cache and ask no server" };
        var json = Options.Json();
        var options = new CatalogueOptions();
        var verb = new DocumentedCommand("download", CommandGroup.Data, "Download data or a model from the hub or from GitHub",
            "data download dolly",
            "data download flan-cot",
            "data download bbh",
            "data download https://github.com/teknium1/GPTeacher/tree/main/Roleplay",
            "data download yahma/alpaca-cleaned",
            "data download openai/gsm8k --include \"main/*.parquet\"",
            "data download bigscience/bloom-560m --type model --include \"*.json\" --include \"*.safetensors\"",
            "data download BelleGroup/school_math_0.25M --endpoint https://hf-mirror.com")
        {
            name, type, revision, include, endpoint, github, raw, token, cache, offline, json,
        };
        options.AddTo(verb, withFolder: false);
        verb.SetAction(async (parsed, cancel) =>
        {
            var places = HubOptions.FromEnvironment();
            places = places with
            {
                Endpoint = Address(endpoint) ?? places.Endpoint,
                GitHub = places.GitHub with
                {
                    Api = Address(github) ?? places.GitHub.Api, Content = Address(raw) ?? places.GitHub.Content,
                },
                Token = parsed.GetValue(token) ?? places.Token,
                Cache = parsed.GetValue(cache) ?? places.Cache,
                Offline = parsed.GetValue(offline) || places.Offline,
                Revision = parsed.GetValue(revision), Include = parsed.GetValue(include)!,
            };
            var parts = Parts(parsed.GetValue(name)!, parsed.GetValue(type), options.Own(parsed));
            var asJson = parsed.GetValue(json);
            var display = new DownloadDisplay(terminal.Beside(asJson),
                live: asJson ? terminal.ErrorIsTerminal : terminal.OutIsTerminal);
            var clock = Stopwatch.StartNew();
            try
            {
                var results = new List<DownloadResult>();
                foreach (var (part, _) in parts)
                {
                    clock.Restart();
                    var result = await display.FollowAsync(part.Repository.Id,
                        () => HubDownload.RunAsync(part, places, display, cancel)).ConfigureAwait(false);
                    results.Add(result);
                    if (!asJson) Say(result, clock.Elapsed, terminal.Console);
                }
                if (asJson) WriteJson(results, places, terminal);
                else
                    foreach (var set in parts.Select(part => part.Set).OfType<IInstructionSource>().Distinct())
                        SayNext(set, places, terminal.Console);
                return ExitCode.Done;
            }
            catch (DownloadException e)
            {
                terminal.WriteError(e.Message);
                return ExitCode.Failed;
            }

            Uri? Address(Option<string> option) => parsed.GetValue(option) is { } text ? HubOptions.ParseEndpoint(text) : null;
        });
        return verb;
    }

    // A name with an owner, an address, or a name with its type is a repository; any other is the collection's, which knows
    // where its sets are.
    private static List<(RepositoryPart Part, IInstructionSource? Set)> Parts(string name, string? type,
        IReadOnlyList<IInstructionSource> own)
    {
        if (type is not null)
            return [(new(new(name, type == "model" ? RepositoryType.Model : RepositoryType.Dataset), null, []), null)];
        if (name.Contains('/') && Catalogue.TryResolve(name, own) is null)
            return [(RepositoryPart.TryParse(name) ?? throw new InputException($"\"{name}\" is neither the id of a repository, "
                + "such as owner/name, nor an address such as https://github.com/owner/name/tree/main/folder"), null)];
        if (Catalogue.TryResolve(name, own) is null && Benchmark(name) is { Address: { } address })
            return [(RepositoryPart.TryParse(address)!, null)];
        return [.. Catalogue.Resolve(name, own).SelectMany(source => source.Entry.Repositories is { Count: > 0 } parts
            ? parts.Select(part => (part, (IInstructionSource?)source))
            : throw new InputException($"{source.Entry.Name} is published at {Place(source.Entry)}, not in a repository. "
                + "Download it there, then read it with: "
                + $"alpaca-cot data convert --source {source.Entry.Name} --in PATH --out {source.Entry.Name}.jsonl"))];
    }

    private static BenchmarkDescription? Benchmark(string name) =>
        BenchmarkSuite.All.Select(b => b.About).FirstOrDefault(b => b.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static string Place(CatalogueEntry entry) => entry.Published.Length > 0 ? entry.Published : "a place nobody named";

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

    // What is in the cache that other verbs look into, they find by the set's name.
    private static void SayNext(IInstructionSource set, HubOptions places, IAnsiConsole console)
    {
        if (DataFolder.Find(set, [], places.Cache) is not { Count: > 0 } found) return;   // downloaded in part, or another branch
        var name = set.Entry.Name;
        var next = Path.GetFullPath(places.Cache) == Path.GetFullPath(HubOptions.CacheOf()) ? [$"data show {name}"]
            : found.Select(path => $"data convert --source {name} --in \"{path}\" --out {name}.jsonl");
        foreach (var command in next) console.MarkupLine($"  next    [green]alpaca-cot {Markup.Escape(command)}[/]");
    }

    private static void WriteJson(List<DownloadResult> results, HubOptions places, Terminal terminal) => terminal.WriteJson(w =>
        w.Object(o =>
        {
            o.WriteString("endpoint", places.Endpoint.ToString());
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
