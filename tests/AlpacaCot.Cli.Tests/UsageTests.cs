using System.Diagnostics;
using AlpacaCot.Cli.CommandLine;

namespace AlpacaCot.Cli.Tests;

public sealed class UsageTests
{
    private static readonly string[] Verbs =
        ["quickstart", "data", "inspect", "tokenize", "render", "plan", "quantize", "study", "train", "generate", "chat", "score",
            "evaluate", "merge",
            "export", "extend", "adapters", "doctor"];

    /// <summary>The verbs of <c>data</c>.</summary>
    private static readonly string[] DataVerbs = ["list", "show", "convert", "answers", "mix", "clean", "dedupe", "decontaminate",
        "download", "stats"];

    private static IEnumerable<string> AllVerbs => [.. Verbs, .. DataVerbs.Select(verb => $"data {verb}")];

    [Fact]
    public async Task Every_verb_has_help_with_an_example_and_no_verb_is_untested()
    {
        Assert.Equal(Verbs.Order(), await Listed("--help"));
        Assert.Equal(DataVerbs.Order(), await Listed("data", "--help"));
        foreach (var verb in AllVerbs)
        {
            var help = await CommandLine.Run([.. verb.Split(' '), "--help"]);
            Assert.Equal(ExitCode.Done, help.Code);
            Assert.Contains($"\n  alpaca-cot {verb}", help.Out, StringComparison.Ordinal);
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
        foreach (var verb in AllVerbs)
        {
            var help = await CommandLine.Run([.. verb.Split(' '), "--help"]);
            var examples = help.Out[help.Out.IndexOf("Example", StringComparison.Ordinal)..].Split('\n').Skip(1)
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
    public async Task Without_a_word_it_says_what_it_is_and_what_to_type()
    {
        var screen = await CommandLine.Run();
        Assert.Equal(ExitCode.Done, screen.Code);
        Assert.All(Verbs, verb => Assert.Contains(verb, screen.Out, StringComparison.Ordinal));
        Assert.Contains("alpaca-cot doctor", screen.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', screen.Out); // no colours where there is no terminal
    }

    [Theory]
    [InlineData("trian r.yaml", "there is no verb 'trian'", "did you mean train?")]
    [InlineData("data cnovert --in x", "there is no verb 'cnovert' of data", "did you mean convert?")]
    [InlineData("data", "data takes a verb: list, show, convert", "alpaca-cot data --help")]
    [InlineData("data convert --in no-such.json --out y.json", "no-such.json: file not found", "")]
    [InlineData("data convert --in x.json --out y.txt", "y.txt", ".parquet")]
    [InlineData("data convert --in x.json --out y.json --to shargpt", "\"shargpt\" is not an output format", "sharegpt")]
    [InlineData("tokenize --modle x --text y", "there is no option '--modle' of tokenize", "did you mean --model?")]
    [InlineData("score --modle=x", "'--modle'", "did you mean --model?")]
    [InlineData("qqqqqqqqqqqq", "there is no verb 'qqqqqqqqqqqq'", "alpaca-cot --help")]
    [InlineData("tokenize some words", "'some' is one word too many", "alpaca-cot tokenize --help")]
    [InlineData("inspect --record 1", "--data", "alpaca-cot inspect --help")]
    [InlineData("generate --model m --top-p 1.5 --text x", "--top-p: found 1.5", "at most 1")]
    [InlineData("generate --model m --max-new-tokens 0 --text x", "--max-new-tokens: found 0", "from 1")]
    [InlineData("generate --model m --device tpu --text x", "tpu", "cpu")]
    [InlineData("generate --model m", "--instruction TEXT, --text TEXT, --input-ids IDS and --batch FILE", "")]
    [InlineData("generate --model m --text x --early-stopping soon", "soon", "heuristic")]
    [InlineData("generate --model m --text x --out y", "--out goes with --batch", "")]
    [InlineData("generate --model m --batch no-such.jsonl", "no-such.jsonl", "")]
    [InlineData("tokenize --text x", "--model DIR or --tokenizer FILE", "")]
    [InlineData("score --model no-such-folder --text x", "no-such-folder", "")]
    [InlineData("train no-such-recipe.yaml", "no-such-recipe.yaml: the recipe file does not exist", "")]
    [InlineData("train", "train takes a recipe", "")]
    public async Task A_wrong_command_line_is_refused_with_what_would_be_right(string line, string what, string instead) =>
        (await CommandLine.Run(line.Split(' '))).Refused(what, instead);

    [Fact]
    public async Task Doctor_reports_each_part_of_the_machine()
    {
        var report = (await CommandLine.Run("doctor", "--json")).Json();
        var names = report.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("name").GetString());
        Assert.Equal(["system", "C library", ".NET", "processor", "memory", "disk", "libtorch", "GPU", "MPI", "fonts",
            "browser"], names);
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
        Assert.Contains("there is no verb '词'", error, StringComparison.Ordinal);
    }
}
