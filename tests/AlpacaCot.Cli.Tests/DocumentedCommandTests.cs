using System.Text;
using System.Text.RegularExpressions;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Tests;

/// <summary>Every command line in the documentation consists of existing commands and options; those that need no model of the
/// user are run.</summary>
public sealed partial class DocumentedCommandTests
{
    // What a reader has under other names.
    private static readonly Dictionary<string, string> Examples = new()
    {
        ["my-data.json"] = "samples/data/english.json", ["models/llama"] = "samples/base",
    };

    public static TheoryData<string> Documents() =>
    [
        .. Directory.GetFiles(Checkout.Path("."), "*.md").Concat(Directory.GetFiles(Checkout.Path("docs"), "*.md",
            SearchOption.AllDirectories)).Select(path => Path.GetRelativePath(Checkout.Path("."), path)).Order(),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_command_in_a_block_is_complete(string document)
    {
        foreach (var command in Blocks(document))
            Assert.True(Parse(command).Errors.Count == 0, $"{document}: {command}: {string.Join(" ", Parse(command).Errors)}");
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_word_of_a_command_in_a_sentence_is_known(string document)
    {
        foreach (Match command in Sentence().Matches(File.ReadAllText(Checkout.Path(document))))
            Assert.Empty(Parse(command.Groups[1].Value).UnmatchedTokens);
    }

    [Theory]
    [InlineData("doctor --fast")]
    [InlineData("inspet --model samples/base")]
    [InlineData("inspect --modell samples/base")]
    public void Control_a_wrong_word_is_noticed(string command) => Assert.NotEmpty(Parse(command).Errors);

    [Theory]
    [InlineData("README.md", "doctor")]
    [InlineData("README.md", "inspect")]
    [InlineData("README.zh-CN.md", "inspect")]
    [InlineData("docs/checkpoints.md", "extend --model samples/base")]
    [InlineData("docs/studies.md", "study studies/embedded-ablation.yaml --plan")]
    public async Task A_shown_command_runs(string document, string beginning)
    {
        using var folder = new TemporaryFolder();
        var command = Blocks(document).First(c => c.StartsWith(beginning, StringComparison.Ordinal));
        string[] words = [.. Words(command).Select(word => Examples.GetValueOrDefault(word, word))
            .Select(word => word.Contains('/') && Path.Exists(Checkout.Path(word)) ? Checkout.Path(word) : word)];
        for (var i = 1; i < words.Length; i++)
            if (words[i - 1] == "--out") words[i] = Path.Combine(folder.Path, words[i]);
        var outcome = await CommandLine.Run(words);
        // doctor fails where the machine lacks something.
        Assert.True(outcome.Code == ExitCode.Done || beginning == "doctor", outcome.Error);
        Assert.NotEmpty(outcome.Out);
    }

    [Fact]
    public void The_documentation_shows_commands()
    {
        Assert.All((string[])["README.md", "README.zh-CN.md"], document => Assert.True(Blocks(document).Count >= 7, document));
        Assert.Equal(["a", "b c", "--d", "e#f"], Words("a \"b c\" --d e#f # g"));
        Assert.Equal(["", "x y"], Words("'' 'x y'"));
    }

    private static System.CommandLine.ParseResult Parse(string command) => Program.Parse(
        Words(command), Terminal.Captured(new StringWriter(), new StringWriter(), new StringReader("")));

    /// <summary>What follows the program's name on the lines of a document's fenced blocks.</summary>
    private static List<string> Blocks(string document)
    {
        var (commands, inside) = (new List<string>(), false);
        var text = File.ReadAllText(Checkout.Path(document)).ReplaceLineEndings("\n")
            .Replace("\\\n", " ", StringComparison.Ordinal); // a line that is continued
        foreach (var line in text.Split('\n'))
        {
            if (line.TrimStart().StartsWith("```", StringComparison.Ordinal)) inside = !inside;
            else if (inside && Command().Match(line) is { Success: true } match) commands.Add(match.Groups[1].Value);
        }
        return commands;
    }

    /// <summary>The words as a shell takes them; what follows a free # is a comment.</summary>
    private static string[] Words(string command)
    {
        var (words, word, quote, begun) = (new List<string>(), new StringBuilder(), '\0', false);
        foreach (var c in command)
        {
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
                else word.Append(c);
            }
            else if (c is '"' or '\'') (quote, begun) = (c, true);
            else if (c == '#' && !begun) break;
            else if (!char.IsWhiteSpace(c))
            {
                word.Append(c);
                begun = true;
            }
            else if (begun)
            {
                words.Add(word.ToString());
                word.Clear();
                begun = false;
            }
        }
        if (begun) words.Add(word.ToString());
        return [.. words];
    }

    [GeneratedRegex(@"^\s*(?:\$ )?(?:alpaca-cot|dotnet run .*AlpacaCot\.Cli .*--) (.+)$")]
    private static partial Regex Command();

    [GeneratedRegex(@"`alpaca-cot ([^`]+)`")]
    private static partial Regex Sentence();
}
