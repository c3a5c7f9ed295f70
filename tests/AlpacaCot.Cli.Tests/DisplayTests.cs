using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Training.Runs;
using Spectre.Console;

namespace AlpacaCot.Cli.Tests;

public sealed class DisplayTests
{
    private static readonly RunSummary Plan = new(100, 1000, 50, 3, 7, 4096, 262144, "runs/x");

    private static StepMetrics Step(int step, double loss) =>
        new(step, 100, step / 50.0, [new("loss", loss)], 3e-4, 1.25, new("supervised_tokens", 800), 1200, 4321, 61, 512L << 20);

    [Fact]
    public void Without_a_terminal_every_logged_step_is_a_line()
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var display = new TrainingDisplay(Terminal.Captured(output, error).Console, live: false);
        var result = display.Follow(() =>
        {
            display.Started(Plan);
            display.Step(Step(1, 4.5));
            display.Step(Step(2, double.NaN));
            display.Validated(new ValidationMetrics(2, [new("loss", 4.25)], Best: true));
            display.Saved("runs/x/checkpoints/step-000002");
            return new TrainingResult(2, 4.5, 4.25, "runs/x/adapter", TimeSpan.FromSeconds(90), Cancelled: true);
        });
        display.Finished(result);
        var lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("100 steps over 1,000 examples, 50 for validation; 4,096 of 262,144 parameters", lines[0],
            StringComparison.Ordinal);
        Assert.Equal("step 1/100  epoch 0.02  loss 4.5000  lr 3.00e-4  grad 1.250  4,321 tokens/s  left 1m01s  512 MB",
            lines[1].TrimEnd());
        Assert.Contains("loss NaN", lines[2], StringComparison.Ordinal);
        Assert.Contains("validation loss 4.2500  (best so far)", lines[3], StringComparison.Ordinal);
        Assert.Contains("stopped after 2 steps in 1m30s", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_terminal_the_view_shows_the_falling_curve()
    {
        var output = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = 100;
        var display = new TrainingDisplay(console, live: true);
        display.Started(Plan);
        display.Validated(new ValidationMetrics(0, [new("loss", 4.6)], Best: true));
        for (var step = 1; step <= 60; step++) display.Step(Step(step, 2 + 3 * Math.Exp(-step / 15.0)));
        output.GetStringBuilder().Clear(); // what was said without a live view around it
        console.Write(display.Render());
        var view = output.ToString();
        Assert.Contains("step 60/100", view, StringComparison.Ordinal);
        Assert.Contains("validation loss 4.6000", view, StringComparison.Ordinal);
        var curve = view.Split('\n').Where(l => l.Any(c => c is > '\u2800' and <= '\u28ff'))
            .Select(l => l.IndexOfAny([.. Braille])).ToArray();
        Assert.Equal(6, curve.Length);
        Assert.Equal(curve.Order(), curve); // it starts at the upper left and falls to the right
    }

    [Fact]
    public void The_parts_of_the_bar_differ_without_colours()
    {
        var output = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = 80;
        var display = new TrainingDisplay(console, live: true);
        display.Started(Plan);
        display.Step(Step(25, 3));
        output.GetStringBuilder().Clear();
        console.Write(display.Render());
        Assert.Contains(new string('━', 7) + new string('─', 21), output.ToString(), StringComparison.Ordinal);
        Assert.All(output.ToString().Split('\n'), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public void The_first_signal_is_answered_at_once_with_what_is_kept()
    {
        var output = new StringWriter();
        var display = new TrainingDisplay(Terminal.Captured(output, new StringWriter()).Console, live: false);
        display.Stopping("a checkpoint is saved");
        Assert.Equal("stopping after this step: a checkpoint is saved; Ctrl-C again ends at once", output.ToString().Trim());
    }

    [Fact]
    public void The_cursor_that_a_live_view_hid_is_shown_again_on_the_terminal_that_has_it()
    {
        const string Show = "\u001b[?25h"; // as the code itself, not made visible like that of a stranger's text
        string[] After(bool output, bool error)
        {
            var (written, said) = (new StringWriter(), new StringWriter());
            var terminal = Terminal.Captured(written, said, outIsTerminal: output, errorIsTerminal: error);
            if (output) terminal.Console.Profile.Capabilities.Ansi = true;
            if (error) terminal.ErrorConsole.Profile.Capabilities.Ansi = true;
            terminal.RestoreCursor();
            return [written.ToString(), said.ToString()];
        }
        Assert.Equal([Show + Environment.NewLine, ""], After(output: true, error: true));
        Assert.Equal(["", Show + Environment.NewLine], After(output: false, error: true)); // --json in a pipe
        Assert.Equal(["", ""], After(output: false, error: false));
    }

    // 80 columns are what a terminal has where nobody changed it.
    [Fact]
    public void The_first_screen_and_the_examples_fit_into_80_columns()
    {
        var output = new StringWriter();
        var terminal = Terminal.Captured(output, new StringWriter());
        terminal.Console.Profile.Width = 80;
        Assert.Equal(0, Program.Parse([], terminal).Invoke(new() { Output = output }));
        Assert.All(output.ToString().Split('\n'), line => Assert.InRange(line.TrimEnd('\r').Length, 0, 80));
        Assert.Contains("    quickstart  ", output.ToString(), StringComparison.Ordinal);
        foreach (var command in (string[])["train", "study", "data convert", "evaluate", "generate", "data mix"])
        {
            output.GetStringBuilder().Clear();
            Assert.Equal(0, Program.Parse([.. command.Split(' '), "--help"], terminal).Invoke(new() { Output = output }));
            var examples = output.ToString()[output.ToString().IndexOf("Example", StringComparison.Ordinal)..].Split('\n');
            Assert.All(examples, line => Assert.InRange(line.Length, 0, 80));
        }
    }

    private static IEnumerable<char> Braille => Enumerable.Range(0x2801, 255).Select(c => (char)c);

    [Theory]
    [InlineData("  Hello there. \n### Instruction: more", "Hello there.")]
    [InlineData("No stop here ##", "No stop here ##")]
    [InlineData("a\nb", "a\nb")]
    [InlineData("### Instruction", "")]
    [InlineData("", "")]
    public void An_answer_comes_out_the_same_however_it_is_cut_into_pieces(string text, string expected)
    {
        for (var size = 1; size <= text.Length + 1; size++)
        {
            var answer = new AnswerText(["### Instruction", "\n###"]);
            var shown = string.Concat(text.Chunk(size).Select(piece => answer.Add(new string(piece)))) + answer.Finish();
            Assert.Equal(expected, shown.TrimEnd());
            Assert.DoesNotContain("#\n", shown, StringComparison.Ordinal);
        }
    }
}
