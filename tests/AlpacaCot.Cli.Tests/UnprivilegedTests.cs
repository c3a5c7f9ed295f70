using System.Diagnostics;
using AlpacaCot.Cli.CommandLine;

namespace AlpacaCot.Cli.Tests;

/// <summary>
/// The program as the user nobody, who has no home and owns nothing: each failure is one sentence with path, need and remedy. A
/// test that runs as root sees no permissions at all.
/// </summary>
public sealed class UnprivilegedTests : IDisposable
{
    private const string Nobody = "65534", Program = "alpaca-cot.dll";

    private readonly TemporaryFolder _folder = new();

    public UnprivilegedTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess,
            "needs root on Linux, to become another user");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "needs setpriv (util-linux)");
        var built = Path.Combine(AppContext.BaseDirectory, Program);
        Assert.SkipUnless(Run([], "test", "-r", built).Code == 0, $"the user nobody cannot read {built}");
        Allow(_folder.Path, "755");
        new TinyModel().WriteFolder(_folder.File("model"));
        _folder.Write("data.json", TinyModel.Records(12));
        Directory.CreateDirectory(_folder.File("own"));
        Directory.CreateDirectory(_folder.File("closed"));
        _folder.Write("recipe.yaml", $$"""
            model: {{_folder.File("model")}}
            data: [{{_folder.File("data.json")}}]
            adapter: { rank: 4 }
            training: { max_steps: 2, batch_size: 2, micro_batch_size: 2, threads: 1 }
            output: {{_folder.File("own")}}/run
            """);
        Allow(_folder.Path, "a+rX", all: true);
        Allow(_folder.File("own"), "777");
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("HOME=/nonexistent")]
    [InlineData("HOME")] // unset
    public void Everything_works_without_a_home(string home)
    {
        var trained = Cli([home], "train", _folder.File("recipe.yaml"));
        Assert.True(trained.Code == ExitCode.Done, trained.Error);
        var answer = Cli([home], "generate", "--model", _folder.File("model"), "--adapter", _folder.File("own/run"),
            "--instruction", "Say 1.", "--max-new-tokens", "3");
        Assert.True(answer.Code == ExitCode.Done, answer.Error);
        Assert.Equal(ExitCode.Done, Cli([home], "data", "list").Code);
        Assert.Equal(ExitCode.Done, Cli([home], "doctor", _folder.File("own")).Code);
    }

    [Fact]
    public void A_folder_that_may_not_be_written_is_one_sentence()
    {
        var output = _folder.File("closed") + "/run";
        Says(Cli([], "train", _folder.File("recipe.yaml"), "--set", $"output={output}"), output,
            "cannot be written: no permission (user nobody)", "choose another folder, or change the permissions (chmod u+w)");
        Says(Cli([], "data", "convert", "--to", "openai", "--in", _folder.File("data.json"), "--out",
            _folder.File("closed/out.jsonl")),
            _folder.File("closed/out.jsonl"), "cannot be written: no permission (user nobody)");
    }

    [Fact]
    public void A_run_that_may_only_be_read_can_be_used_and_not_continued()
    {
        Assert.Equal(ExitCode.Done, Cli([], "train", _folder.File("recipe.yaml")).Code);
        var run = _folder.File("own/run");
        Allow(run, "a-w", all: true);
        Run("chown", "-R", "root", run);
        foreach (var how in (string[])["--resume", "--overwrite"])
            Says(Cli([], "train", _folder.File("recipe.yaml"), how), run, "cannot be written: no permission (user nobody)",
                "change the permissions (chmod u+w)");
        Assert.Equal(ExitCode.Done, Cli([], "adapters", "show", Path.Combine(run, "adapter")).Code);
        Assert.Equal(ExitCode.Done, Cli([], "generate", "--model", _folder.File("model"), "--adapter", run, "--instruction",
            "Say 1.",
            "--max-new-tokens", "3").Code);
    }

    [Fact]
    public void A_file_that_may_not_be_read_is_one_sentence()
    {
        string[] ask = ["generate", "--model", _folder.File("model"), "--text", "The", "--max-new-tokens", "3"];
        const string Need = "cannot be read: no permission (user nobody)";
        foreach (var name in (string[])["model/model.safetensors", "model/config.json", "model/tokenizer.json"])
        {
            Allow(_folder.File(name), "600");
            Says(Cli([], ask), _folder.File(name), Need, "chmod a+r");
            Allow(_folder.File(name), "644");
        }
        Allow(_folder.File("model"), "700");
        Says(Cli([], ask), _folder.File("model"), Need, "chmod a+rx");
        Says(Cli([], "train", _folder.File("recipe.yaml")), _folder.File("model"), Need, "chmod a+rx");
        Allow(_folder.File("model"), "755");
        foreach (var name in (string[])["data.json", "recipe.yaml"])
        {
            Allow(_folder.File(name), "600");
            Says(Cli([], "train", _folder.File("recipe.yaml")), _folder.File(name), Need, "chmod a+r");
            Allow(_folder.File(name), "644");
        }
    }

    private static void Says((int Code, string Error) ended, params string[] parts)
    {
        Assert.NotEqual(ExitCode.Done, ended.Code);
        var errors = ended.Error.Split('\n').SkipWhile(line => !line.StartsWith("error: ", StringComparison.Ordinal)).ToArray();
        Assert.True(errors.Length > 0, ended.Error);
        Assert.DoesNotContain("   at ", ended.Error, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, string.Join('\n', errors), StringComparison.Ordinal));
    }

    private static (int Code, string Error) Cli(string[] environment, params string[] arguments) =>
        Run(environment, ["dotnet", Path.Combine(AppContext.BaseDirectory, Program), .. arguments]);

    private static void Allow(string path, string mode, bool all = false) =>
        Run("chmod", [.. all ? (string[])["-R"] : [], mode, path]);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments))!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    // As nobody; NAME=VALUE sets a variable, NAME alone removes it.
    private static (int Code, string Error) Run(string[] environment, params string[] command)
    {
        var start = new ProcessStartInfo("setpriv", ["--reuid", Nobody, "--regid", Nobody, "--clear-groups", .. command])
        {
            RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/",
        };
        foreach (var variable in environment)
            if (variable.Split('=') is [var name, var value]) start.Environment[name] = value;
            else start.Environment.Remove(variable);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error + output.Result);
    }
}
