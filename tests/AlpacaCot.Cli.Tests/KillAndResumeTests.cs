using System.Diagnostics;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;

namespace AlpacaCot.Cli.Tests;

/// <summary>Runs of the program itself that are killed (SIGKILL) and continued, against runs that were left alone.</summary>
[Trait("level", "full")]
public sealed class KillAndResumeTests(KillAndResumeTests.World world) : IClassFixture<KillAndResumeTests.World>
{
    private const int Attempts = 8; // a kill may come a moment too late; then once more from the start

    [Fact]
    public void Early_in_the_first_steps() => Check("lora", run => Lines(run).Length >= 2, run => Lines(run).Length > 0);

    [Fact]
    public void In_the_middle_after_a_checkpoint() =>
        Check("lora", run => Lines(run).Any(l => l.Contains("\"step\":17,", StringComparison.Ordinal)),
            run => Checkpoints(run, "step-0000??").Length > 0);

    [Fact]
    public void While_a_checkpoint_is_written() =>
        Check("full", run => Directory.Exists(Path.Combine(run, "checkpoints", "step-000006.partial")),
            run => Checkpoints(run, "step-000006.partial").Length == 1);

    // Kills the run at a moment, makes sure by what is on disk that it was that moment, continues and compares.
    private void Check(string recipe, Func<string, bool> moment, Func<string, bool> wasThen)
    {
        var whole = world.Whole(recipe);
        var run = world.Path($"{recipe}-killed-{Guid.NewGuid():N}");
        var attempt = 0;
        while (!(Kill(recipe, run, moment) && wasThen(run) && !Finished(run)))
            Assert.True(++attempt < Attempts, "the run could not be killed at the moment wanted");
        Assert.Equal(ExitCode.Done, world.Train(recipe, run, "--resume").Wait());
        Assert.True(Finished(run));
        Assert.Equal(Losses(whole), Losses(run));
        foreach (var folder in (string[])[recipe == "full" ? "model" : "adapter", "best"])
            Assert.Equal(Files(Path.Combine(whole, folder)), Files(Path.Combine(run, folder)));
        Assert.Empty(Checkpoints(run, "*.partial"));
    }

    private bool Kill(string recipe, string run, Func<string, bool> moment)
    {
        using var process = world.Train(recipe, run, "--overwrite");
        while (!process.HasExited && !moment(run)) Thread.Sleep(1);
        var alive = !process.HasExited;
        process.Kill();
        return alive;
    }

    private static bool Finished(string run) =>
        Directory.Exists(Path.Combine(run, "adapter")) || Directory.Exists(Path.Combine(run, "model"));

    private static string[] Checkpoints(string run, string pattern) =>
        Path.Combine(run, "checkpoints") is var at && Directory.Exists(at) ? Directory.GetDirectories(at, pattern) : [];

    private static string[] Lines(string run)
    {
        var path = Path.Combine(run, "metrics.jsonl");
        if (!File.Exists(path)) return [];
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read,
            FileShare.ReadWrite | FileShare.Delete));
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(l => !l.Contains("\"step\":0,", StringComparison.Ordinal))];
    }

    // What must be equal: all but speed and memory.
    private static string[] Losses(string run) => [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
    {
        using var json = JsonDocument.Parse(line);
        return string.Join(" ", json.RootElement.EnumerateObject()
            .Where(p => p.Name is not ("tokens_per_second" or "resident_mb")));
    })];

    private static Dictionary<string, byte[]> Files(string folder) =>
        Directory.EnumerateFiles(folder).ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);

    /// <summary>A model, data, two recipes and their runs without a kill.</summary>
    public sealed class World : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly Dictionary<string, string> _runs = [];

        public World()
        {
            // Many tokens and a narrow body: quick steps, and checkpoints large enough to be caught in the middle.
            var tiny = new TinyModel(Vocabulary: 8000, Hidden: 64);
            tiny.WriteFolder(Path("model"));
            File.WriteAllText(Path("data.json"), TinyModel.Records(30));
            Recipe("lora", $"model: {Path("model")}", "adapter: { rank: 4, dropout: 0.1 }", steps: 40);
            var random = $"model: {{ init: {Path("model/config.json")}, tokenizer: {Path("model")} }}";
            Recipe("full", random, "adapter: none", steps: 12);
        }

        public string Path(string name) => _folder.File(name);

        /// <summary>The folder of the run that was left alone.</summary>
        public string Whole(string recipe)
        {
            if (_runs.TryGetValue(recipe, out var run)) return run;
            run = _runs[recipe] = Path($"{recipe}-whole");
            Assert.Equal(ExitCode.Done, Train(recipe, run).Wait());
            return run;
        }

        internal Running Train(string recipe, string run, params string[] more) =>
            new(["train", Path($"{recipe}.yaml"), "--out", run, .. more]);

        private void Recipe(string name, string model, string adapter, int steps) => _folder.Write($"{name}.yaml", $$"""
            {{model}}
            data: [{{Path("data.json")}}]
            {{adapter}}
            training:
              max_steps: {{steps}}
              batch_size: 4
              micro_batch_size: 2
              learning_rate: 5e-3
              validation_size: 4
              eval_steps: 5
              save_steps: 3
              save_total_limit: 2
              threads: 1
            output: {{Path("unused")}}
            """);

        public void Dispose() => _folder.Dispose();
    }

    /// <summary>The program in a process of its own.</summary>
    internal sealed class Running : IDisposable
    {
        private readonly Process _process;
        private readonly System.Text.StringBuilder _said = new();

        public Running(string[] arguments)
        {
            var start = new ProcessStartInfo("dotnet",
                [System.IO.Path.Combine(AppContext.BaseDirectory, "alpaca-cot.dll"), .. arguments])
            {
                RedirectStandardError = true, RedirectStandardOutput = true,
            };
            _process = Process.Start(start)!;
            _process.OutputDataReceived += (_, line) => { lock (_said) _said.AppendLine(line.Data); };
            _process.ErrorDataReceived += (_, line) => { lock (_said) _said.AppendLine(line.Data); };
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
        }

        public bool HasExited => _process.HasExited;

        public void Kill()
        {
            _process.Kill(); // SIGKILL: nothing of the program runs any more
            _process.WaitForExit();
        }

        /// <summary>The exit code.</summary>
        public int Wait()
        {
            _process.WaitForExit();
            if (_process.ExitCode != ExitCode.Done) TestContext.Current.TestOutputHelper?.WriteLine(_said.ToString());
            return _process.ExitCode;
        }

        public void Dispose() => _process.Dispose();
    }
}
