using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;

namespace AlpacaCot.Cli.Output;

/// <summary>Input and output of a command: the console of the process, or the captured writers of a test.</summary>
internal sealed class Terminal
{
    private const int PipeWidth = 10_000; // columns, so that no line is wrapped
    private readonly TextWriter _rawOut, _rawError; // for control codes of this program

    private Terminal(TextWriter output, TextWriter error, TextReader input, bool outIsTerminal, bool errorIsTerminal)
    {
        (In, OutIsTerminal, ErrorIsTerminal) = (input, outIsTerminal, errorIsTerminal);
        (_rawOut, _rawError) = (output, error);
        (Out, Error) = (VisibleText.Writer(output), VisibleText.Writer(error));
        Exact = outIsTerminal ? Out : output;
        Console = Create(output, outIsTerminal);
        ErrorConsole = Create(error, errorIsTerminal);
    }

    /// <summary>Standard output: results, with control characters made visible.</summary>
    public TextWriter Out { get; }

    /// <summary>
    /// Standard output for results whose every character counts, such as answers: unchanged in files and pipes, with
    /// control characters made visible on a terminal.
    /// </summary>
    public TextWriter Exact { get; }

    /// <summary>Standard error: errors, and with --json all other messages; control characters are made visible.</summary>
    public TextWriter Error { get; }

    public TextReader In { get; }
    public bool OutIsTerminal { get; }
    public bool ErrorIsTerminal { get; }

    /// <summary>What the first Ctrl-C says, set by commands that keep something; null: a general sentence.</summary>
    public Action? Stopping { get; set; }

    /// <summary>Standard output with styles; plain if it is not a terminal.</summary>
    public IAnsiConsole Console { get; }

    public IAnsiConsole ErrorConsole { get; }

    public static Terminal OfThisProcess()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        // Flushed at every write, so that each line of a followed log appears at once.
        var output = new StreamWriter(System.Console.OpenStandardOutput(), utf8, 1 << 15) { AutoFlush = true };
        return new Terminal(output, new StreamWriter(System.Console.OpenStandardError(), utf8) { AutoFlush = true },
            System.Console.In, !System.Console.IsOutputRedirected, !System.Console.IsErrorRedirected);
    }

    public static Terminal Captured(TextWriter output, TextWriter error, TextReader? input = null, bool outIsTerminal = false,
        bool errorIsTerminal = false) => new(output, error, input ?? TextReader.Null, outIsTerminal, errorIsTerminal);

    /// <summary>The console for messages: standard error with --json.</summary>
    public IAnsiConsole Beside(bool json) => json ? ErrorConsole : Console;

    /// <summary>
    /// Whether the console for messages can redraw: a terminal with at least 256 colours. On another one a panel that is drawn
    /// again and again fills the screen, so plain lines are written instead.
    /// </summary>
    public bool IsLive(bool json) => (json ? ErrorIsTerminal : OutIsTerminal)
        && Beside(json).Profile.Capabilities is { Ansi: true, ColorSystem: ColorSystem.EightBit or ColorSystem.TrueColor };

    /// <summary>Says that the program stops after the first Ctrl-C.</summary>
    public void SayStopping()
    {
        if (Stopping is { } say) say();
        else Error.WriteLine("Stopping; press Ctrl-C again to end at once.");
    }

    /// <summary>Makes the cursor visible again, which a live view hides, before the process ends without unwinding.</summary>
    public void RestoreCursor()
    {
        const string Show = "\u001b[?25h";
        if (OutIsTerminal && Console.Profile.Capabilities.Ansi) _rawOut.Write(Show + System.Environment.NewLine);
        else if (ErrorIsTerminal && ErrorConsole.Profile.Capabilities.Ansi) _rawError.Write(Show + System.Environment.NewLine);
    }

    /// <summary>Writes the one JSON document of <c>--json</c>.</summary>
    public void WriteJson(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        var readable = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(buffer, readable)) write(writer);
        Out.WriteLine(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
        Out.Flush();
    }

    /// <summary>Replaces the line of progress on standard error; null erases it.</summary>
    public void WriteProgress(string? line) => _rawError.Write(line is null ? "\r\u001b[K" : $"\r  {VisibleText.Of(line)}   ");

    /// <summary>Prints an error on standard error, in red if colours are available.</summary>
    public void WriteError(string message)
    {
        Out.Flush();
        ErrorConsole.Markup("[bold red]error:[/] ");
        Error.WriteLine(message);
    }

    private static IAnsiConsole Create(TextWriter writer, bool terminal)
    {
        var colours = terminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") != "dumb";
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = colours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!terminal) console.Profile.Width = PipeWidth;
        console.Profile.Capabilities.Unicode = true;
        VisibleText.Attach(console);
        return console;
    }
}
