using System.Text;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Text;
using Spectre.Console;

namespace AlpacaCot.Cli.Tests;

/// <summary>Text of strangers in data, answers and file names never reaches the terminal as control characters.</summary>
public sealed class HostileTextTests : IDisposable
{
    // A new window title, red, cursor home, a line that overwrites itself, C1, and text in the other direction.
    private const string Hostile = "a\u001b]0;owned\u0007\u001b[31m\u001b[Hb\rc\u009bd\u202eefg\u2066h[red]i[/]";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plain, 红, é, 👋\n\tnext\r\n", "plain, 红, é, 👋\n\tnext\r\n")]
    [InlineData("\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m")]
    [InlineData("safe\rfake", "safe\\u000dfake")]
    [InlineData("\u0000\u0007\u007f\u0085\u009b", "\\u0000\\u0007\\u007f\\u0085\\u009b")]
    [InlineData("\u202aa\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
        "\\u202aa\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069")]
    public void Control_characters_become_visible_and_text_remains(string text, string shown) =>
        Assert.Equal(shown, VisibleText.Of(text));

    [Fact]
    public void Writers_and_consoles_of_a_terminal_make_text_visible_and_keep_their_own_codes()
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var terminal = Terminal.Captured(output, error);
        terminal.Out.Write(Hostile);
        terminal.Out.WriteLine(Hostile);
        terminal.Error.WriteLine(Hostile);
        terminal.WriteError(Hostile);
        terminal.Console.WriteLine(Hostile);
        terminal.Console.WriteUnwrapped(Hostile);
        new TrainingDisplay(terminal.Console, live: false).Note(Hostile);
        terminal.Console.MarkupLine($"[bold]{Markup.Escape(Hostile)}[/]");
        terminal.Console.Write(new Table().AddColumn(Markup.Escape(Hostile)).AddRow(Markup.Escape(Hostile)));
        terminal.ErrorConsole.Write(new Panel(new Spectre.Console.Text(Hostile)));
        AssertSafe(output.ToString() + error);
        Assert.Contains("[red]i[/]", output.ToString(), StringComparison.Ordinal); // text, not markup

        var coloured = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(coloured), Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.TrueColor,
        });
        VisibleText.Attach(console);
        console.MarkupLine($"[red]{Markup.Escape(Hostile)}[/]");
        Assert.Contains("\u001b[38;", coloured.ToString(), StringComparison.Ordinal); // the console's own colour
        Assert.DoesNotContain("\u001b]0;", coloured.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Records_with_control_characters_are_shown_safely()
    {
        var data = _folder.Write("data.json", JsonSerializer.Serialize(Enumerable.Range(0, 3).Select(i =>
            new { instruction = Hostile + i, input = Hostile, output = Hostile, category = Hostile })));
        var model = new TinyModel().WriteFolder(_folder.File("model"));
        foreach (var line in new string[][]
        {
            ["inspect", "--data", data, "--model", model], ["inspect", "--data", data, "--model", model, "--json"],
            ["data", "stats", data], ["data", "stats", data, "--json"],
            ["data", "clean", "--in", data, "--dry-run"],
            ["evaluate", "--benchmark", "heldout", "--data", data, "--show-prompts"],
            ["tokenize", "--model", model, "--text", Hostile],
        })
        {
            var outcome = await CommandLine.Run(line);
            Assert.True(outcome.Code == ExitCode.Done, string.Join(' ', line) + outcome.Error);
            AssertSafe(outcome.Out + outcome.Error);
        }
    }

    [Fact]
    public async Task File_names_with_control_characters_are_shown_safely()
    {
        var name = _folder.File("x\u001b[31m\u202ey.json");
        AssertSafe((await CommandLine.Run("data", "stats", name)).Error);
        AssertSafe((await CommandLine.Run("train", name)).Error);
        File.WriteAllText(name, "[{\"a\":1}]");
        AssertSafe((await CommandLine.Run("data", "stats", name)).Error);
        Directory.CreateDirectory(_folder.File("d\u001b[31m"));
        var shown = await CommandLine.Run("adapters", "list", _folder.File("d\u001b[31m"));
        AssertSafe(shown.Out + shown.Error);
    }

    // Reports: AutoGPTQ-like tools and viewers that ended in a stack trace on one bad byte.
    [Theory]
    [InlineData("config.json", "{\"model_type\": 5}", "config.json")]
    [InlineData("config.json", "{\"model_type\": \"llama\", \"vocab_size\": \"many\"}", "config.json")]
    [InlineData("config.json", "[1]", "config.json")]
    [InlineData("config.json", "{\"model_type\": \"\\ud800\"}", "config.json")]
    [InlineData("tokenizer.json", "{\"model\": null}", "tokenizer.json")]
    [InlineData("tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": [], \"merges\": {}}}", "tokenizer.json")]
    [InlineData("tokenizer.json", "[]", "tokenizer.json")]
    public async Task A_damaged_file_of_a_model_is_named_with_the_exit_code_of_wrong_input(string file, string content,
        string named)
    {
        var model = new TinyModel().WriteFolder(_folder.File("model"));
        File.WriteAllText(Path.Combine(model, file), content);
        foreach (var line in new string[][] { ["generate", "--model", model, "--text", "x"],
            ["score", "--model", model, "--text", "x"] })
        {
            var outcome = await CommandLine.Run(line);
            outcome.Refused(named);
            Assert.DoesNotContain("Exception", outcome.Error, StringComparison.Ordinal);
        }
    }

    // Numbers, lists and nothing where a preference pair has texts.
    [Fact]
    public async Task Records_of_an_unexpected_form_are_named_and_can_be_skipped()
    {
        var data = _folder.Write("pref.jsonl", """
            {"prompt":"a","chosen":"b","rejected":"c"}
            {"prompt":"a","chosen":5,"rejected":"c"}
            {"prompt":"a","chosen":"b","rejected":null}
            {"prompt":"a","chosen":"b","rejected":[7]}
            {"prompt":"a\ud800","chosen":"b","rejected":"c"}
            {"prompt":"a","chosen":"b","rejected":"c"}

            """);
        var stopped = await CommandLine.Run("data", "convert", "--in", data, "--out", _folder.File("o.jsonl"));
        Assert.Equal(ExitCode.WrongUsage, stopped.Code);
        Assert.Contains("record 2", stopped.Error, StringComparison.Ordinal);
        var outcome = await CommandLine.Run("data", "convert", "--in", data, "--out", _folder.File("o.jsonl"), "--skip-bad");
        Assert.True(outcome.Code == ExitCode.Done, outcome.Error);
        foreach (var number in (int[])[2, 3, 4, 5])
            Assert.Contains($"record {number}", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(2, File.ReadAllLines(_folder.File("o.jsonl")).Length);
    }

    [Fact]
    public void The_boundary_names_the_source_and_lets_own_errors_pass()
    {
        var own = new InputException("own");
        Assert.Same(own, Assert.Throws<InputException>(() => InputBoundary.Read<int>("f", () => throw own)));
        Assert.Throws<OperationCanceledException>(() =>
            InputBoundary.Read<int>("f", () => throw new OperationCanceledException()));
        foreach (var raw in new Exception[] { new InvalidOperationException("x"), new KeyNotFoundException("x"),
            new FormatException("x"),
            new JsonException("x"), new DecoderFallbackException("x"), new OverflowException("x"),
            new IOException("x"), new InvalidCastException("x") })
        {
            var told = Assert.Throws<InputException>(() => InputBoundary.Each("f.json", Items(raw)).Count());
            Assert.StartsWith("f.json: ", told.Message, StringComparison.Ordinal);
            Assert.Same(raw, told.InnerException);
        }

        static IEnumerable<int> Items(Exception e)
        {
            yield return 1;
            throw e;
        }
    }

    [Fact]
    public void Folders_that_link_to_themselves_are_listed_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege there");
        Directory.CreateDirectory(_folder.File("a/b"));
        File.WriteAllText(_folder.File("a/b/x.json"), "[]");
        Directory.CreateSymbolicLink(_folder.File("a/b/up"), _folder.File("a"));
        Directory.CreateSymbolicLink(_folder.File("a/again"), _folder.File("a/b"));
        Assert.Equal(["x.json"], FolderFiles.Below(_folder.File("a")).Select(f => Path.GetFileName(f)));
        // A link to a folder outside is followed, as hub caches use them.
        Directory.CreateSymbolicLink(_folder.File("out"), _folder.File("a/b"));
        Assert.Single(FolderFiles.Below(_folder.File("out")));
    }

    private static void AssertSafe(string shown)
    {
        foreach (var c in shown)
            Assert.False(char.IsControl(c) && c is not ('\n' or '\r' or '\t') || c is (>= '\u202a' and <= '\u202e')
                or (>= '\u2066' and <= '\u2069'), $"\\u{(int)c:x4} in {JsonSerializer.Serialize(shown)}");
        Assert.DoesNotContain("\rc", shown, StringComparison.Ordinal);
    }
}
