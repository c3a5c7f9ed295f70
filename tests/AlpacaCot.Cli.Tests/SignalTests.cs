using System.Diagnostics;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Machine;

namespace AlpacaCot.Cli.Tests;

/// <summary>The program itself under signals, and what it loads.</summary>
public sealed class SignalTests : IDisposable
{
    private const int HangUp = 1, Interrupt = 2, Terminate = 15;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(HangUp)]
    [InlineData(Interrupt)]
    [InlineData(Terminate)]
    public void A_training_that_is_asked_to_stop_says_what_is_kept_and_keeps_it(int signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || ProcessSignals.IsIgnored(signal), "a signal that reaches a child process");
        var run = _folder.File("run");
        using var process = Start("train", Recipe(), "--out", run);
        var lines = new List<string>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            lines.Add(line);
            if (line.StartsWith("step 2/", StringComparison.Ordinal)) Assert.Equal(0, Kill(process.Id, signal));
        }
        process.WaitForExit();
        Assert.Equal(ExitCode.Failed, process.ExitCode);
        Assert.Contains(lines, l => l.StartsWith("stopping after this step: a checkpoint is saved", StringComparison.Ordinal)
            && l.Contains("--resume", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("stopped after ", StringComparison.Ordinal));
        Assert.Single(Directory.GetDirectories(Path.Combine(run, "checkpoints")));
        Assert.False(File.Exists(Path.Combine(run, "lock")));
    }

    [Fact]
    public void Two_trainings_in_one_folder_are_one_training_and_one_refusal()
    {
        var run = _folder.File("run");
        var recipe = Recipe();
        using var first = Start("train", recipe, "--out", run);
        while (first.StandardOutput.ReadLine() is { } line && !line.StartsWith("step 1/", StringComparison.Ordinal))
        {
        }
        foreach (var option in (string[])["--resume", "--overwrite"])
        {
            using var second = Start("train", recipe, "--out", run, option);
            var error = second.StandardError.ReadToEnd();
            second.WaitForExit();
            Assert.Equal(ExitCode.WrongUsage, second.ExitCode);
            Assert.Contains($"in use: process {first.Id} on ", error, StringComparison.Ordinal);
        }
        first.Kill();
        first.WaitForExit();
        using var third = Start("train", recipe, "--out", run, "--resume", "--set", "training.max_steps=4");
        _ = third.StandardOutput.ReadToEnd();
        third.WaitForExit();
        Assert.Equal(ExitCode.Done, third.ExitCode); // the lock of the dead process is no obstacle
    }

    [Fact]
    public void Help_and_the_data_commands_do_not_load_libtorch_and_training_does()
    {
        Assert.SkipWhen(!OperatingSystem.IsLinux(), "reads /proc");
        Assert.False(LoadsLibtorch("train", "--help"));
        Assert.False(LoadsLibtorch());
        Assert.False(LoadsLibtorch("data", "list"));
        Assert.True(LoadsLibtorch("doctor"));
    }

    // The loader's own log names each library that a process opens.
    private static bool LoadsLibtorch(params string[] arguments)
    {
        using var process = Start(start => start.Environment["LD_DEBUG"] = "files", arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var log = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(ExitCode.Done, process.ExitCode);
        Assert.NotEmpty(output.Result);
        Assert.Contains("libcoreclr", log, StringComparison.Ordinal);
        return log.Contains("libtorch_cpu", StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_wait_below_a_millisecond_unless_the_user_says_so()
    {
        Assert.SkipWhen(!OperatingSystem.IsLinux(), "libgomp of Linux");
        // short waits are 1,000 turns with ACTIVE
        Assert.Equal(("ACTIVE", "100000", "sleep beside other work"), WaitPolicy(null));
        Assert.Equal(("PASSIVE", "0", "as OMP_WAIT_POLICY"), WaitPolicy("PASSIVE"));
    }

    // libgomp says with which settings it starts.
    private static (string Policy, string Turns, string Told) WaitPolicy(string? own)
    {
        using var process = Start(start =>
        {
            start.Environment["OMP_DISPLAY_ENV"] = "verbose";
            foreach (var name in (string[])["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"]) start.Environment.Remove(name);
            if (own is not null) start.Environment["OMP_WAIT_POLICY"] = own;
        }, "doctor");
        var output = process.StandardOutput.ReadToEndAsync();
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        var told = output.Result.Split('\n').Single(l => l.Contains("for products", StringComparison.Ordinal));
        string Value(string name) =>
            said.Split('\n').First(l => l.Contains(name, StringComparison.Ordinal)).Split('\'')[1];
        return (Value("OMP_WAIT_POLICY"), Value("GOMP_SPINCOUNT"),
            ((string[])["sleep beside other work", "as OMP_WAIT_POLICY"])
                .Single(part => told.Contains(part, StringComparison.Ordinal)));
    }

    private static Process Start(params string[] arguments) => Start(_ => { }, arguments);

    private static Process Start(Action<ProcessStartInfo> change, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "alpaca-cot.dll"), .. arguments])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        };
        change(start);
        return Process.Start(start)!;
    }

    private string Recipe()
    {
        new TinyModel().WriteFolder(_folder.File("model"));
        _folder.Write("data.json", TinyModel.Records(30));
        return _folder.Write("recipe.yaml", """
            model: model
            data: [data.json]
            adapter: { rank: 4 }
            training: { max_steps: 3000, batch_size: 2, micro_batch_size: 2, learning_rate: 1e-3, save_steps: 2000, threads: 1 }
            output: unused
            """);
    }

    private static int Kill(int process, int signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        kill.WaitForExit();
        return kill.ExitCode;
    }
}
