using System.CommandLine;
using System.Text.RegularExpressions;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Tests;

/// <summary>No option is accepted and ignored, and an option that several commands share has one text.</summary>
public sealed partial class OptionTests
{
    /// <summary>Options with one name but a meaning of their own in some commands.</summary>
    private static readonly string[] ManyMeanings = ["--cache", "--chars", "--data", "--dtype", "--format", "--in",
        "--input-ids", "--json",
        "--keys",
        "--lang", "--limit", "--max-new-tokens", "--model", "--out", "--record", "--report", "--seed", "--source",
            "--temperature",
        "--template", "--templates", "--text", "--to", "--token", "--tokenizer", "--trigger"];

    public static TheoryData<string> Sources() =>
    [
        .. Directory.GetFiles(Checkout.Path("src/AlpacaCot.Cli"), "*.cs", SearchOption.AllDirectories)
            .Where(path => Unread(File.ReadAllText(path)).Declared > 0)
            .Select(path => Path.GetRelativePath(Checkout.Path("."), path)).Order(),
    ];

    [Theory]
    [MemberData(nameof(Sources))]
    public void Every_option_of_a_class_is_read(string source) =>
        Assert.Empty(Unread(File.ReadAllText(Checkout.Path(source))).Names);

    [Fact]
    public void Options_are_declared_as_fields_so_that_the_check_finds_them()
    {
        Assert.True(Sources().Count >= 30, $"{Sources().Count} files declare options");
        foreach (var path in Directory.GetFiles(Checkout.Path("src/AlpacaCot.Cli/Commands"), "*.cs", SearchOption.AllDirectories))
            Assert.DoesNotContain(File.ReadAllLines(path), line => Local().IsMatch(line));
    }

    [Theory]
    [InlineData("private readonly Option<string> _device = Options.Device();", "_device")]
    [InlineData("private readonly Option<int> _a = new(\"--a\"), _b = new(\"--b\");\n parsed.GetValue(_a);", "_b")]
    [InlineData("private readonly ComputeOptions _compute = new(true);\n command._compute.All", "_compute")]
    public void Control_an_unread_option_is_found(string source, string name) => Assert.Equal([name], Unread(source).Names);

    [Fact]
    public void A_shared_option_has_the_same_text_in_every_command()
    {
        var root = Program.Parse([], Terminal.Captured(TextWriter.Null, TextWriter.Null)).RootCommandResult.Command;
        var texts = Commands(root).SelectMany(command => command.Options).Where(option => !ManyMeanings.Contains(option.Name))
            .GroupBy(option => option.Name);
        foreach (var group in texts)
            Assert.True(group.Select(option => option.Description).Distinct().Count() == 1,
                $"{group.Key}: {string.Join(" | ", group.Select(option => option.Description).Distinct())}");
    }

    private static IEnumerable<Command> Commands(Command command) => [command, .. command.Subcommands.SelectMany(Commands)];

    /// <summary>The fields of a class that are options, arguments or groups of options, and those that nothing reads.</summary>
    private static (int Declared, List<string> Names) Unread(string source)
    {
        var names = Field().Matches(source).SelectMany(field => Name().Matches(field.Groups[1].Value))
            .Select(name => name.Groups[1].Value).ToList();
        var unread = names.Where(name => !Regex.IsMatch(source,
            $@"(?:GetValue|GetResult|Address)\({name}\)|\b{name}\.(?!All\b|Sets\b|Name\b|DefaultValueFactory\b)\w+\(")).ToList();
        return (names.Count, unread);
    }

    [GeneratedRegex(@"private readonly (?:(?:Option|Argument)<[^=;]*?>|\w+Options|Sampling|PreparationStep|SourceConversion)"
        + @" (_\w+ = (?:[^;""]|""(?:[^""\\]|\\.)*"")*;)")]
    private static partial Regex Field();

    [GeneratedRegex(@"(?:^|,\s)\s*(_\w+) = ")]
    private static partial Regex Name();

    [GeneratedRegex(@"\bvar \w+ = new (?:Option|Argument)<")]
    private static partial Regex Local();
}
