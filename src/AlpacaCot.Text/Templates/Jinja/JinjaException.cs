namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>An error in a template or its variables; <see cref="JinjaTemplate"/> converts it to an input error with the
/// line.</summary>
internal sealed class JinjaException(string message, int? line = null) : Exception(message)
{
    /// <summary>One-based line of the error; null to use the interpreter's current line.</summary>
    public int? Line { get; } = line;
}
