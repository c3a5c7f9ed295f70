using System.Diagnostics;
using AlpacaCot.Cli.CommandLine;

namespace AlpacaCot.Cli.Tests;

public sealed class UsageTests
{
    private static readonly string[] Commands =
        ["quickstart", "data", "inspect", "tokenize", "render", "plan", "quantize", "study", "train", "generate", "chat", "score",
            "evaluate", "merge",
            "export", "extend", "adapters", "doctor", "verify"];

    /// <summary>The subcommands of <c>data</c>.</summary>
    private static readonly string[] DataCommands =
        ["list", "show", "convert", "answers", "mix", "clean", "dedupe", "decontaminate",
        "download", "stats"];

    private static IEnumerable<string> AllCommands => [.. Commands, .. DataCommands.Select(command => $"data {command}")];

    [Fact]
    public async Task Every_command_has_help_with_an_example_and_none_is_untested()
    {
        Assert.Equal(Commands.Order(), await Listed("--help"));
        Assert.Equal(DataCommands.Order(), await Listed("data", "--help"));
        foreach (var command in AllCommands)
        {
            var help = await CommandLine.Run([.. command.Split(' '), "--help"]);
            Assert.Equal(ExitCode.Done, help.Code);
            Assert.Contains($"\n  alpaca-cot {command}", help.Out, StringComparison.Ordinal);
            Assert.Contains("Example", help.Out, StringComparison.Ordinal);
            Assert.Empty(help.Error);
        }
    }

    private static async Task<IEnumerable<string>> Listed(params string[] line) =>
        (await CommandLine.Run(line)).Out.Split('\n').SkipWhile(l => l != "Commands:").Skip(1)
            .TakeWhile(l => l.StartsWith("  ", StringComparison.Ordinal)).Select(l => l.Trim().Split(' ')[0]).Order();

    [Fact]
    public async Task Examples_are_command_lines_that_parse()
    {
        foreach (var command in AllCommands)
        {
            var help = await CommandLine.Run([.. command.Split(' '), "--help"]);
            var shown = help.Out[help.Out.IndexOf("Example", StringComparison.Ordinal)..];
            Assert.All(shown.Split('\n'), line => Assert.True(line.Length <= 80, line));
            var examples = shown.Replace(" \\\n", "", StringComparison.Ordinal).Split('\n').Skip(1)
                .Select(l => l.Trim()).Where(l => l.StartsWith("alpaca-cot ", StringComparison.Ordinal));
            foreach (var example in examples)
            {
                var words = System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(example["alpaca-cot ".Length..])
                    .ToArray();
                Assert.Equal("", (await CommandLine.Run([.. words, "--help"])).Error);
            }
        }
    }

    [Fact]
    public async Task Without_arguments_it_lists_the_commands()
    {
        var screen = await CommandLine.Run();
        Assert.Equal(ExitCode.Done, screen.Code);
        Assert.All(Commands, command => Assert.Contains(command, screen.Out, StringComparison.Ordinal));
        Assert.Contains("alpaca-cot doctor", screen.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', screen.Out); // no colours where there is no terminal
    }

    [Theory]
    [InlineData("trian r.yaml", "unknown command 'trian'", "did you mean train?")]
    [InlineData("data cnovert --in x", "unknown command 'cnovert' of data", "did you mean convert?")]
    [InlineData("data", "data needs a subcommand: list, show, convert", "alpaca-cot data --help")]
    [InlineData("data convert --in no-such.json --out y.json", "no-such.json: file not found", "")]
    [InlineData("data convert --in x.json --out y.txt", "y.txt", ".parquet")]
    [InlineData("data convert --in x.json --out y.json --to shargpt", "\"shargpt\" is not an output format", "sharegpt")]
    [InlineData("tokenize --modle x --text y", "unknown option '--modle' of tokenize", "did you mean --model?")]
    [InlineData("score --modle=x", "'--modle'", "did you mean --model?")]
    [InlineData("qqqqqqqqqqqq", "unknown command 'qqqqqqqqqqqq'", "alpaca-cot --help")]
    [InlineData("tokenize some words", "unexpected argument 'some'", "alpaca-cot tokenize --help")]
    [InlineData("inspect --record 1", "--data", "alpaca-cot inspect --help")]
    [InlineData("generate --model m --top-p 1.5 --text x", "--top-p: found 1.5", "at most 1")]
    [InlineData("generate --model m --max-new-tokens 0 --text x", "--max-new-tokens: found 0", "from 1")]
    [InlineData("generate --model m --device tpu --text x", "--device: found tpu, allowed is auto, cpu, cuda or cuda:N", "")]
    [InlineData("score --model m --dtype float16 --text x", "--dtype: found float16, allowed is float32 or bfloat16", "")]
    [InlineData("score --model m --device cuda:x --text x", "--device: found cuda:x, allowed is auto, cpu, cuda or cuda:N", "")]
    [InlineData("train no-such.yaml --device gpu", "--device: found gpu, allowed is auto", "")]
    [InlineData("chat --model m --weights int8 --dtype bfloat16", "--weights int8", "leave out --dtype bfloat16")]
    [InlineData("chat --model m --weights int8 --quantization nf4", "--weights int8 and --quantization nf4", "leave out one")]
    [InlineData("generate --model m", "--instruction TEXT, --text TEXT, --input-ids IDS and --batch FILE", "")]
    [InlineData("generate --model m --text x --early-stopping soon", "soon", "heuristic")]
    [InlineData("generate --model m --text x --out y", "--out needs --batch", "")]
    [InlineData("generate --model m --batch no-such.jsonl", "no-such.jsonl", "")]
    [InlineData("tokenize --text x", "--model PATH or --tokenizer PATH", "")]
    [InlineData("score --model no-such-folder --text x", "no-such-folder", "")]
    [InlineData("train no-such-recipe.yaml", "no-such-recipe.yaml: the recipe file does not exist", "")]
    [InlineData("train", "train needs a recipe", "")]
    public async Task A_wrong_command_line_is_refused_with_what_would_be_right(string line, string what, string instead) =>
        (await CommandLine.Run(line.Split(' '))).Refused(what, instead);

    [Fact]
    public async Task Doctor_reports_each_part_of_the_machine()
    {
        var report = (await CommandLine.Run("doctor", "--json")).Json();
        var names = report.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("name").GetString());
        Assert.Equal(["system", "C library", ".NET", "processor", "memory", "disk", "leftovers", "cache", "libtorch", "threads",
            "products", "GPU", "PyTorch", "MPI", "fonts", "browser"], names);
        Assert.True(report.GetProperty("ready").GetBoolean());
        Assert.Contains("Ready to train", (await CommandLine.Run("doctor")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public void The_program_itself_writes_utf8_and_returns_the_exit_code()
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, "alpaca-cot.dll"), "词"])
        {
            RedirectStandardError = true, RedirectStandardOutput = true, StandardErrorEncoding = System.Text.Encoding.UTF8,
        })!;
        var error = process.StandardError.ReadToEnd();
        Assert.Empty(process.StandardOutput.ReadToEnd());
        process.WaitForExit();
        Assert.Equal(ExitCode.WrongUsage, process.ExitCode);
        Assert.Contains("unknown command '词'", error, StringComparison.Ordinal);
    }
}
