using System.Globalization;
using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace AlpacaCot.Cli.Output;

/// <summary>
/// The one place where text of strangers (data, answers, file names, replies) is made safe for a terminal: control characters
/// would move the cursor, recolour, rename or overwrite what the user sees, and marks of direction would reorder it.
/// </summary>
internal static class VisibleText
{
    /// <summary>The text with control characters and marks of direction as <c>\u001b</c>; line ends and tabs remain.</summary>
    public static string Of(string text)
    {
        if (!Needs(text)) return text;
        var visible = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length; i++)
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n') visible.Append('\r');
            else if (Hidden(text[i])) visible.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:x4}");
            else visible.Append(text[i]);
        return visible.ToString();
    }

    private static bool Needs(string text)
    {
        foreach (var c in text)
            if (Hidden(c)) return true;
        return false;
    }

    // C0 without tab and line feed, DEL and C1; embeddings, overrides and isolates of direction.
    private static bool Hidden(char c) => char.IsControl(c) ? c is not ('\n' or '\t')
        : c is (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    /// <summary>A writer that makes all text visible.</summary>
    public static TextWriter Writer(TextWriter inner) => new VisibleWriter(inner);

    /// <summary>Writes a line past a console, which would wrap it so that it cannot be copied or searched.</summary>
    public static void WriteUnwrapped(this IAnsiConsole console, string line) => console.Profile.Out.Writer.WriteLine(Of(line));

    /// <summary>Makes all text of a console visible; its own control codes pass.</summary>
    public static void Attach(IAnsiConsole console) => console.Pipeline.Attach(new VisibleHook());

    private sealed class VisibleWriter(TextWriter inner) : TextWriter
    {
        public override Encoding Encoding => inner.Encoding;

        public override void Write(char value)
        {
            if (Hidden(value) && value != '\r') inner.Write(Of(value.ToString()));
            else inner.Write(value);
        }

        public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));
        public override void Write(ReadOnlySpan<char> buffer) => Write(new string(buffer));

        public override void Write(string? value)
        {
            if (value is not null) inner.Write(Of(value));
        }

        // One write, so that a line of a followed log appears at once.
        public override void WriteLine(string? value) => inner.WriteLine(value is null ? null : Of(value));
        public override void WriteLine() => inner.WriteLine();
        public override void Flush() => inner.Flush();
    }

    private sealed class VisibleHook : IRenderHook
    {
        public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) =>
            renderables.Select(inner => new Visible(inner));
    }

    private sealed class Visible(IRenderable inner) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => inner.Render(options, maxWidth)
            .Select(s => s.IsControlCode || s.IsLineBreak || !Needs(s.Text) ? s : new Segment(Of(s.Text), s.Style));
    }
}
