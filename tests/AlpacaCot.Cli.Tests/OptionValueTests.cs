using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Tests;

/// <summary>Wrong values of every option of every command: one message, exit code 2, no exception.</summary>
public sealed class OptionValueTests
{
    private static readonly string[] NoNumber =
        ["abc", "two", "", " ", "0,7", "1e", "NaN", "nan", "Infinity", "-inf", "∞", "1e999", "0x10", "1_000", "--5", "1 2", "%",
            "3\u001b[31m"];

    private static readonly string[] NoWhole = ["1e3", "1.5", "99999999999", "-99999999999", "2147483648", "1,000", "-1"];

    private static Command Root => Program.Parse([], Terminal.Captured(TextWriter.Null, TextWriter.Null))
        .RootCommandResult.Command;

    private static IEnumerable<(string[] Words, Command Command)> Commands(Command command, params string[] words) =>
        [(words, command), .. command.Subcommands.SelectMany(sub => Commands(sub, [.. words, sub.Name]))];

    public static TheoryData<string, string, string> WrongNumbers()
    {
        var rows = new TheoryData<string, string, string>();
        foreach (var (words, command) in Commands(Root))
            foreach (var option in command.Options)
                if ((Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType) is var type
                    && (type == typeof(int) || type == typeof(double)))
                    rows.Add(string.Join(' ', words), option.Name, type == typeof(int) ? "int" : "double");
        return rows;
    }

    [Theory]
    [MemberData(nameof(WrongNumbers))]
    public async Task A_wrong_number_is_refused_with_what_is_allowed(string command, string option, string type)
    {
        foreach (var value in type == "int" ? [.. NoNumber, .. NoWhole] : NoNumber)
        {
            var outcome = await CommandLine.Run([.. command.Split(' '), $"{option}={value}"]);
            Assert.True(outcome.Code == ExitCode.WrongUsage, $"{value}: {outcome.Code} {outcome.Error}");
            Assert.Contains($"error: {option}: found ", outcome.Error, StringComparison.Ordinal);
            Assert.Contains("allowed is", outcome.Error, StringComparison.Ordinal);
            Assert.True(outcome.Error.Contains($"write {option} ", StringComparison.Ordinal)
                || outcome.Error.Contains($"for example {option} ", StringComparison.Ordinal), outcome.Error);
            Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("Exception", outcome.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("System.", outcome.Error, StringComparison.Ordinal);
            Assert.DoesNotContain('\u001b', outcome.Error);
            // The value as its own word, as people type it.
            if (value.Length > 0 && value[0] != '-')
                Assert.Contains($"{option}: found ", (await CommandLine.Run([.. command.Split(' '), option, value])).Error,
                    StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_number_passes_the_typed_parser()
    {
        var typed = WrongNumbers().Count;
        Assert.True(typed >= 35, $"{typed} options are numbers");
        foreach (var (_, command) in Commands(Root))
            foreach (var option in command.Options)
                Assert.True(option.Name is "--help" or "--version"
                    || new[] { typeof(string), typeof(string[]), typeof(bool), typeof(int), typeof(int?), typeof(double),
                    typeof(double?) }.Contains(option.ValueType) || Nullable.GetUnderlyingType(option.ValueType)?.IsEnum == true,
                    $"{command.Name} {option.Name}: {option.ValueType}");
    }

    public static TheoryData<string, string> Everything()
    {
        var rows = new TheoryData<string, string>();
        foreach (var (words, command) in Commands(Root))
            foreach (var option in command.Options.Where(o => o.Name is not ("--help" or "--version")
                && command.Name is not ("study-cell" or "quickstart"))) // these need no other option to start a training
                rows.Add(string.Join(' ', words), option.Name);
        return rows;
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public async Task No_value_of_any_option_ends_in_an_exception(string command, string option)
    {
        foreach (var value in (string[])["", "\u202e\u001b]0;x\u0007", "[red]x[/]", "no/such/../thing", "-1", ":", "{", "a=b",
            "%%%"])
        {
            var outcome = await CommandLine.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries),
                $"{option}={value}"]);
            Assert.True(outcome.Code is ExitCode.Done or ExitCode.WrongUsage, $"{value}: {outcome.Code} {outcome.Error}");
            Assert.DoesNotContain("Exception", outcome.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("System.", outcome.Error, StringComparison.Ordinal);
            Assert.DoesNotContain('\u001b', outcome.Error + outcome.Out);
            Assert.DoesNotContain('\u202e', outcome.Error + outcome.Out);
        }
    }

    [Theory]
    [InlineData("0,7", "write --temperature 0.7")]
    [InlineData("70%", "write --temperature 0.7")]
    [InlineData("０.７", "write --temperature 0.7")]
    [InlineData("abc", "allowed is a number above 0, at most 100; for example --temperature 0.7")]
    [InlineData("-0.5", "found -0.5, allowed is a number above 0")]
    public async Task A_number_of_another_spelling_is_named_in_the_right_one(string value, string remedy) =>
        (await CommandLine.Run("generate", "--model", "m", "--text", "x", $"--temperature={value}")).Refused(remedy);

    [Theory]
    [InlineData("1e3", "write --record 1000")]
    [InlineData("1,000", "write --record 1000")]
    [InlineData("2k", "write --record 2000")]
    [InlineData("３", "write --record 3")]
    [InlineData("two", "for example --record 1")]
    [InlineData("0", "found 0, allowed is a whole number from 1")]
    public async Task A_whole_number_of_another_spelling_is_named_in_the_right_one(string value, string remedy) =>
        (await CommandLine.Run("inspect", "--data", "d.json", $"--record={value}")).Refused(remedy);

    [Theory]
    [InlineData("study s.yaml --language=fr", "--language: found fr, allowed is en or zh")]
    [InlineData("export --model m --out o --format ggfu", "--format: found ggfu", "did you mean gguf?")]
    [InlineData("train r.yaml --overwrite=maybe", "unexpected argument 'maybe'")]
    public async Task A_wrong_word_is_refused_with_the_allowed_ones(string line, params string[] parts) =>
        (await CommandLine.Run(line.Split(' '))).Refused(parts);
}
