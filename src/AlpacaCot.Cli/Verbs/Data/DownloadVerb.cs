using System.CommandLine;
using System.Diagnostics;
using AlpacaCot.Cli.Display;
using AlpacaCot.Data;
using AlpacaCot.Data.Download;
using Spectre.Console;

namespace AlpacaCot.Cli.Verbs.Data;

/// <summary><c>data download</c>: the files of a hub repository into the cache.</summary>
internal static class DownloadVerb
{
    public static Verb Create(Terminal terminal)
    {
        var name = new Argument<string>("NAME") { Description = "A hub id such as yahma/alpaca-cleaned" };
        var type = new Option<string>("--type")
        {
            Description = "What the hub id names", DefaultValueFactory = _ => "dataset",
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
            var repository = new HubRepository(parsed.GetValue(name)!,
                parsed.GetValue(type) == "model" ? RepositoryType.Model : RepositoryType.Dataset);
            var asJson = parsed.GetValue(json);
            var display = new DownloadDisplay(terminal.Beside(asJson),
                live: asJson ? terminal.ErrorIsTerminal : terminal.OutIsTerminal);
            var clock = Stopwatch.StartNew();
            try
            {
                var result = await display.FollowAsync(repository.Id,
                    () => HubDownload.RunAsync(repository, options, display, cancel)).ConfigureAwait(false);
                if (asJson) WriteJson(result, options, clock.Elapsed, terminal);
                else Say(result, clock.Elapsed, terminal.Console);
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

    private static void WriteJson(DownloadResult result, HubOptions options, TimeSpan time, Terminal terminal) =>
        terminal.WriteJson(w => w.Object(o =>
        {
            o.WriteString("repository", result.Repository.Id);
            o.WriteString("type", result.Repository.Type.ToString().ToLowerInvariant());
            o.WriteString("endpoint", options.Endpoint.ToString());
            o.WriteString("revision", result.Revision);
            o.WriteString("commit", result.Commit);
            o.WriteString("folder", result.Folder);
            o.Array("files", result.Files, f => o.Object(file =>
            {
                file.WriteString("path", f.File.Path);
                file.WriteNumber("bytes", f.File.Size);
                file.WriteString("digest", f.File.Digest);
                file.WriteString("origin", f.Origin.ToString().ToLowerInvariant());
            }));
            o.WriteNumber("bytes", result.Files.Sum(f => f.File.Size));
            o.WriteNumber("received_bytes", result.ReceivedBytes);
            o.WriteNumber("seconds", Math.Round(time.TotalSeconds, 3));
        }));
}
